package rtsp

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"github.com/camgate/camgate"
)

const (
	// batchBytes and batchUnits bound what leaves with one system call when more
	// than one access unit waits for a reader.
	batchBytes = 256 << 10
	batchUnits = 64
)

// playback is what one reader gets between PLAY and PAUSE or TEARDOWN. Its own
// goroutine feeds it until it has caught up, and a lane while it is parked.
type playback struct {
	session *session
	conn    *conn
	reader  *camgate.Reader
	to      sink
	outs    []*outTrack   // by Track.ID; nil: not set up
	first   *camgate.Unit // taken from reader already; nil: none was there
	hurry   hurry
	pace    pace
	begun   bool // the answer to PLAY is on its way

	lane *lane // that it is parked in; guarded by the lanes' mu

	mu     sync.Mutex // held while a lane serves it, which does not wait
	parked bool

	stopped atomic.Bool
	gone    chan struct{} // closed with stopped
	done    chan struct{} // closed at the end
	err     error         // why it has ended; valid after done
}

func newPlayback(s *session, reader *camgate.Reader) *playback {
	p := &playback{session: s, reader: reader, gone: make(chan struct{}), done: make(chan struct{})}
	p.outs = make([]*outTrack, len(s.desc.tracks))
	for _, out := range s.outs {
		p.outs[out.track.ID] = out
		out.fresh = true
	}
	p.first, _ = reader.Poll()
	if p.first != nil && reader.Cached(p.first) {
		p.hurry = newHurry(p.first, reader, s.outs)
		if s.udp() {
			p.pace = newPace(p.first, p.hurry.total)
		}
	}
	return p
}

// announce fills in what RTP-Info says of a track (RFC 2326 section 12.33): the
// first packet, and the timestamp that belongs to the moment at which the media
// begins, the same moment for all tracks.
func (p *playback) announce(out *outTrack, info *headers.RTPInfoEntry) {
	t := out.track
	if u := p.first; u != nil {
		begin := u.Time() + p.hurry.ahead(u)
		info.Timestamp = new(t.RTPTime(t.Ticks(begin)))
		if u.Track == t {
			info.SequenceNumber = new(out.number(u))
			info.Timestamp = new(u.RTPTime() + p.hurry.shift(u))
			return
		}
	}
	if edge := p.reader.Edge(t); edge != nil && (p.first == nil || t.Kind == camgate.Audio) {
		// It starts with the next one, whatever that is.
		info.SequenceNumber = new(out.numberAfter(edge))
		if info.Timestamp == nil {
			info.Timestamp = new(edge.RTPTime())
		}
	}
}

// start is called when the answer to PLAY is out.
func (p *playback) start() {
	p.to = p.newSink()
	p.server().playing.Go(p.run)
}

func (p *playback) server() *Server { return p.session.endpoint.server }

// stop ends the media: nothing is written any more after what the library writes
// next. It does not wait.
func (p *playback) stop() {
	if !p.stopped.Swap(true) {
		close(p.gone)
	}
	p.reader.Close()
	if p.take() {
		p.server().lanes.remove(p)
		p.end(errStopped)
	}
}

// take makes the caller the one who has p, if it is parked.
func (p *playback) take() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.parked
	p.parked = false
	return was
}

// unpark gives p its own goroutine back.
func (p *playback) unpark() {
	if p.take() {
		p.server().playing.Go(p.run)
	}
}

// end is called once, by who has p.
func (p *playback) end(err error) {
	p.err = err
	p.reader.Close()
	close(p.done)
	if !p.stopped.Load() {
		p.session.lib.Close() // nothing more will come
	}
}

// reason is why the session ended, in which the library ended it with err.
func (p *playback) reason(err error) error {
	select {
	case <-p.done:
		if p.err != nil && !errors.Is(p.err, errStopped) && !camgate.IsGone(p.err) || errors.Is(p.err, camgate.ErrTracksChanged) {
			return p.err
		}
	default:
	}
	return err
}

// errParked: a lane has p now.
var errParked = errors.New("parked")

func (p *playback) run() {
	if err := p.feed(); !errors.Is(err, errParked) {
		p.end(err)
	}
}

// feed sends one access unit after the other, as they come. Units that wait because
// the reader was slow leave together.
func (p *playback) feed() error {
	if err := p.to.flush(); err != nil { // what a lane has left over
		return err
	}
	for {
		u, err := p.next()
		if err != nil {
			return err
		}
		p.gather(u, time.Now())
		if err := p.to.flush(); err != nil {
			return err
		}
	}
}

// park hands p over to a lane, which it does not for readers that have to be waited
// for.
func (p *playback) park() bool {
	if !p.to.parks() || p.server().ctx.Err() != nil {
		return false
	}
	p.mu.Lock()
	p.parked = !p.stopped.Load()
	parked := p.parked
	p.mu.Unlock()
	if !parked {
		return false
	}
	if !p.server().lanes.add(p) {
		return !p.take() // unless stop was faster
	}
	if p.stopped.Load() { // it may not have seen the lane
		p.server().lanes.remove(p)
	}
	for p.serve(time.Now()) { // what came before the lane knew of p
		time.Sleep(udpPause)
	}
	return true
}

// serve sends what there is to a parked reader, without waiting for it. It reports
// whether there is more that may leave after udpPause.
func (p *playback) serve(now time.Time) (more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.parked {
		if p.to.pending() == 0 {
			u, ok := p.reader.Poll()
			if !ok {
				return false
			}
			p.gather(u, now)
		}
		switch state, err := p.to.try(); {
		case err != nil:
			p.parked = false
			p.server().lanes.remove(p)
			p.end(err)
		case state == paused:
			return true
		case state == stuck:
			p.parked = false
			p.server().lanes.remove(p)
			p.server().playing.Go(p.run)
		}
	}
	return false
}

// next returns the next unit, when there is one and it is time for it.
func (p *playback) next() (*camgate.Unit, error) {
	u, ok := p.first, p.first != nil
	if p.first = nil; !ok {
		if u, ok = p.reader.Poll(); !ok {
			p.pace = pace{} // at the live edge
			if p.park() {
				return nil, errParked
			}
			var err error
			if u, err = p.reader.Next(); err != nil {
				return nil, err
			}
		}
	}
	if p.pace.wait(u, p.gone); p.stopped.Load() {
		return nil, errStopped
	}
	return u, nil
}

// gather hands u to the sink, what else there is already, and reports that are due.
func (p *playback) gather(u *camgate.Unit, now time.Time) {
	for n, ok := 1, true; ok; n++ {
		p.to.add(p.outs[u.Track.ID], u, p.hurry.shift(u))
		if n == batchUnits || p.to.pending() >= batchBytes || p.pace.on() {
			break
		}
		u, ok = p.reader.Poll()
	}
	for _, out := range p.outs {
		if out != nil && out.due(now) {
			p.to.report(out, out.senderReport(now, p.server().cname))
		}
	}
	p.reader.Sent(p.to.pending())
}
