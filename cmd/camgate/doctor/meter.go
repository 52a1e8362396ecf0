package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/rtsp"
)

const (
	// What is kept of a GOP for the decoder.
	maxPictures = 300
	maxGOPBytes = 8 << 20
)

// meter measures what a stream's readers get.
type meter struct {
	began      time.Time
	start      func() // is called with the first picture, or sound if there is no picture
	first      time.Time
	over       time.Time
	units      int
	by         map[*camgate.Track]*trackMeter
	gop        gop
	receptions []rtsp.Reception // by track, of an RTSP source
}

// trackMeter is what is measured of one track.
type trackMeter struct {
	units, bytes int
	lost         int
	gaps         int // discontinuities after the first Unit
	low          int64
	high         int64
	last         time.Time     // arrival of the newest Unit
	longest      time.Duration // between two arrivals
	keys         int
	keyPTS       int64
	sinceKey     int // Units
	gopUnits     int // of the complete GOPs
	gopTime      time.Duration
	longestGOP   time.Duration
}

// gop is the first one that came whole, or the newest begin of one.
type gop struct {
	track    *camgate.Track
	units    []*camgate.Unit
	bytes    int
	complete bool
}

func (m *meter) begin(now time.Time, start func()) {
	m.began, m.start, m.by = now, start, map[*camgate.Track]*trackMeter{}
}

func (m *meter) end(now time.Time) { m.over = now }

// read measures until ctx ends, through changes of the tracks.
func (m *meter) read(ctx context.Context, s *camgate.Stream) {
	for ctx.Err() == nil {
		tracks, err := s.Ready(ctx)
		if err != nil {
			return
		}
		if err := m.readTracks(ctx, s, tracks); !errors.Is(err, camgate.ErrTracksChanged) {
			return
		}
	}
}

func (m *meter) readTracks(ctx context.Context, s *camgate.Stream, tracks []*camgate.Track) error {
	r, err := s.Subscribe(ctx, camgate.SubscribeOptions{Tracks: tracks, Internal: true, Protocol: "probe", MaxLag: time.Minute})
	if err != nil {
		return err
	}
	defer r.Close()
	main := r.Main()
	for {
		u, err := r.Next()
		if err != nil {
			return err
		}
		now := time.Now()
		if m.first.IsZero() && (main == nil || u.Track == main) {
			m.first = now
			m.start()
		}
		m.unit(u, now)
		if u.Track == main {
			m.gop.add(u)
		}
	}
}

func (m *meter) unit(u *camgate.Unit, now time.Time) {
	m.units++
	t := m.by[u.Track]
	if t == nil {
		t = &trackMeter{low: u.PTS, high: u.PTS, last: now}
		m.by[u.Track] = t
	} else if u.Discontinuity {
		t.gaps++
	}
	if t.units > 0 {
		t.lost += u.Lost
	}
	t.units++
	t.bytes += u.Size()
	t.low, t.high = min(t.low, u.PTS), max(t.high, u.PTS)
	t.longest = max(t.longest, now.Sub(t.last))
	t.last = now
	if !u.RandomAccess {
		t.sinceKey++
		return
	}
	if t.keys > 0 {
		d := u.Track.Duration(u.PTS - t.keyPTS)
		t.gopUnits += t.sinceKey + 1
		t.gopTime += d
		t.longestGOP = max(t.longestGOP, d)
	}
	t.keys++
	t.keyPTS, t.sinceKey = u.PTS, 0
}

// span is how long the Units of a track last, without the last one.
func (t *trackMeter) span(track *camgate.Track) time.Duration { return track.Duration(t.high - t.low) }

// interval is the mean time between two Units; 0: not known.
func (t *trackMeter) interval(track *camgate.Track) time.Duration {
	if t.units < 2 {
		return 0
	}
	return t.span(track) / time.Duration(t.units-1)
}

// stopped tells whether pictures came, but come no more, and for how long.
func (m *meter) stopped(track *camgate.Track) (time.Duration, bool) {
	t := m.by[track]
	if t == nil {
		return 0, false
	}
	idle := m.over.Sub(t.last)
	// A camera of stills shows one again after two seconds if it has not changed.
	return idle, idle > max(3*time.Second, 4*t.interval(track))
}

// add takes a picture until there is a GOP of which nothing is missing.
func (g *gop) add(u *camgate.Unit) {
	switch {
	case g.complete:
		return
	case u.RandomAccess && len(g.units) > 1 || len(g.units) >= maxPictures || g.bytes+u.Size() > maxGOPBytes:
		if len(g.units) > 0 {
			g.complete = true
			return
		}
	case u.Lost > 0 || len(g.units) > 0 && u.Discontinuity || u.Track != g.track:
		*g = gop{track: u.Track}
	}
	if len(g.units) == 0 && !u.RandomAccess {
		return
	}
	g.units, g.bytes = append(g.units, u), g.bytes+u.Size()
}
