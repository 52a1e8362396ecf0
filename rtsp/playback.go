package rtsp

import (
	"errors"
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

// sink sends what a playback has gathered to its reader.
type sink interface {
	// add takes a unit of one of the reader's tracks; shift is added to its
	// timestamps. Nothing is sent yet.
	add(out *outTrack, u *camgate.Unit, shift uint32)
	// report takes a compound RTCP packet for one of the tracks.
	report(out *outTrack, compound []byte)
	// pending returns how many bytes were taken since the last flush.
	pending() int
	// flush sends all of it, in order.
	flush() error
}

// playback is what one reader gets between PLAY and PAUSE or TEARDOWN.
type playback struct {
	session *session
	conn    *conn
	reader  *camgate.Reader
	outs    [64]*outTrack // by Track.ID
	first   *camgate.Unit // taken from reader already; nil: none was there
	hurry   hurry
	pace    pace
	begun   bool // the answer to PLAY is on its way

	looked time.Time           // when tellSkips did
	told   camgate.ReaderStats // as it was then

	stopped atomic.Bool
	done    chan struct{} // closed when run has returned
	err     error         // why run has returned; valid after done
}

func newPlayback(s *session, reader *camgate.Reader) *playback {
	p := &playback{session: s, reader: reader, done: make(chan struct{})}
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
	p.session.endpoint.server.playing.Go(p.run)
}

// stop ends the media: nothing is written any more after what the library writes
// next. It does not wait for run.
func (p *playback) stop() {
	p.stopped.Store(true)
	p.reader.Close()
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

func (p *playback) run() {
	defer close(p.done)
	defer p.reader.Close()
	p.err = p.feed()
	if !p.stopped.Load() {
		p.session.lib.Close() // nothing more will come
	}
}

// feed sends one access unit after the other, as they come. Units that wait because
// the reader was slow leave together.
func (p *playback) feed() error {
	to := p.newSink()
	for {
		u, err := p.next()
		if err != nil {
			return err
		}
		p.gather(to, u)
		now := time.Now()
		p.tellSkips(now)
		for _, out := range p.session.outs {
			if out.due(now) {
				to.report(out, out.senderReport(now, p.session.endpoint.server.cname))
			}
		}
		bytes := to.pending()
		if err := to.flush(); err != nil {
			return err
		}
		p.reader.Sent(bytes)
	}
}

// skipInterval is how often the log tells of what a slow reader misses.
const skipInterval = 10 * time.Second

// tellSkips tells how much the reader has missed because it was slow.
func (p *playback) tellSkips(now time.Time) {
	if now.Sub(p.looked) < skipInterval {
		return
	}
	p.looked = now
	stats, missed := p.reader.Stats(), uint64(0)
	for _, reason := range []camgate.SkipReason{camgate.SkipLag, camgate.SkipEvicted} {
		missed += stats.Skipped[reason] - p.told.Skipped[reason]
	}
	if p.told = stats; missed > 0 {
		p.session.log.Warn("rtsp reader is slow", "units_missed", missed)
	}
}

// next returns the next unit, when there is one and it is time for it.
func (p *playback) next() (*camgate.Unit, error) {
	u, ok := p.first, p.first != nil
	if p.first = nil; !ok {
		if u, ok = p.reader.Poll(); !ok {
			p.pace = pace{} // at the live edge
			var err error
			if u, err = p.reader.Next(); err != nil {
				return nil, err
			}
		}
	}
	p.pace.wait(u)
	return u, nil
}

// gather hands u to the sink, and what else there is already.
func (p *playback) gather(to sink, u *camgate.Unit) {
	for n := 1; ; n++ {
		to.add(p.outs[u.Track.ID], u, p.hurry.shift(u))
		if n == batchUnits || to.pending() >= batchBytes || p.pace.on() {
			return
		}
		var ok bool
		if u, ok = p.reader.Poll(); !ok {
			return
		}
	}
}

func (p *playback) newSink() sink {
	server := p.session.endpoint.server
	if p.session.udp() {
		return newUDPSink(server.udp, &server.scratch, &p.stopped)
	}
	return &tcpSink{
		conn: p.conn, timeout: server.opts.ReaderTimeout, stopped: &p.stopped,
		scratch: scratch{from: &server.scratch},
	}
}
