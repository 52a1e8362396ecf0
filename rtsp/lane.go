package rtsp

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
)

// Waking a goroutine for each picture and viewer costs as much as half of sending
// it. So a viewer that has caught up is parked in a lane: one goroutine that wakes
// up for each picture and sends it to all who are parked there, without waiting for
// any of them. One that would have to be waited for gets its own goroutine back
// until it has caught up.

// lanes are the lanes of all streams of a server.
type lanes struct {
	mu    sync.Mutex
	bySet map[*camgate.Track][]*lane // by the first track, which names a set of tracks
}

// lane serves parked playbacks of one set of tracks.
type lane struct {
	lanes   *lanes
	set     *camgate.Track
	reader  *camgate.Reader             // tells when there is something to send
	members atomic.Pointer[[]*playback] // replaced, never changed
}

// perLane is how many members a lane has before there is another one, up to one
// for each processor.
const perLane = 16

// add parks p in a lane. It reports false when there can be none, since the
// stream goes on with other tracks or is at its end.
func (ls *lanes) add(p *playback) bool {
	set := p.session.desc.tracks[0]
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var best *lane
	total := 0
	for _, l := range ls.bySet[set] {
		n := len(*l.members.Load())
		total += n
		if best == nil || n < len(*best.members.Load()) {
			best = l
		}
	}
	if best == nil || len(ls.bySet[set]) < min(runtime.GOMAXPROCS(0), 1+total/perLane) {
		l, err := ls.open(p)
		if err != nil {
			return false
		}
		best = l
	}
	members := append(append([]*playback(nil), *best.members.Load()...), p)
	best.members.Store(&members)
	p.lane = best
	return true
}

// open makes a lane; mu is held.
func (ls *lanes) open(p *playback) (*lane, error) {
	server, desc := p.server(), p.session.desc
	reader, err := desc.stream.Subscribe(server.ctx, camgate.SubscribeOptions{
		Tracks: desc.tracks, Protocol: protocol, Internal: true,
		// It is woken, and drops what it gets.
		AnyStart: true, MaxLag: time.Hour, MaxLagBytes: 1 << 40,
	})
	if err != nil {
		return nil, err
	}
	l := &lane{lanes: ls, set: desc.tracks[0], reader: reader}
	l.members.Store(new([]*playback))
	if ls.bySet == nil {
		ls.bySet = map[*camgate.Track][]*lane{}
	}
	ls.bySet[l.set] = append(ls.bySet[l.set], l)
	server.playing.Go(l.run)
	return l, nil
}

// remove takes p out of its lane, if it is in one. The last one closes the lane.
func (ls *lanes) remove(p *playback) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := p.lane
	if l == nil {
		return
	}
	p.lane = nil
	var members []*playback
	for _, m := range *l.members.Load() {
		if m != p {
			members = append(members, m)
		}
	}
	l.members.Store(&members)
	if len(members) == 0 {
		ls.drop(l)
		l.reader.Close()
	}
}

// close ends a lane and returns who is still parked in it.
func (ls *lanes) close(l *lane) []*playback {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.drop(l)
	l.reader.Close()
	rest := *l.members.Load()
	l.members.Store(new([]*playback))
	for _, p := range rest {
		p.lane = nil
	}
	return rest
}

func (ls *lanes) drop(l *lane) {
	var rest []*lane
	for _, other := range ls.bySet[l.set] {
		if other != l {
			rest = append(rest, other)
		}
	}
	if ls.bySet[l.set] = rest; len(rest) == 0 {
		delete(ls.bySet, l.set)
	}
}

// serve gives each of them its turn, and returns those who have to have another one,
// when it is time for that.
func (l *lane) serve(turn []*playback) (again []*playback) {
	now := time.Now()
	for _, p := range turn {
		if p.serve(now) {
			again = append(again, p)
		}
	}
	if len(again) > 0 {
		time.Sleep(time.Until(now.Add(udpPause)))
	}
	return again
}

// run serves the members until there are none, or nothing more can come.
func (l *lane) run() {
	for {
		if _, err := l.reader.Next(); err != nil {
			break
		}
		// First all that is there, then the members: what comes while they are
		// served wakes us again.
		for ok := true; ok; {
			_, ok = l.reader.Poll()
		}
		for turn := *l.members.Load(); len(turn) > 0; {
			turn = l.serve(turn)
		}
	}
	for _, p := range l.lanes.close(l) {
		p.unpark()
	}
}
