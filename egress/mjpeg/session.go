package mjpeg

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/egress/matroska"
)

// session is the work with one decoder.
type session struct {
	*transcoder
	reader *camgate.Reader
	source *camgate.Track
	params *camgate.Params // that the decoder was started with
	base   time.Duration   // presentation time of the first picture
	times  timestamps
	silent atomic.Int64 // ns during which pictures went in and none came out
	unseen atomic.Int64 // pictures that went in during that time
	begun  atomic.Bool  // the first picture came out
}

// margin is what timestamps begin with: pictures after the first one may be
// presented before it.
const margin = 10 * time.Second

// ticks is the timestamp of a Unit as the decoder sees it, whatever was before.
func (s *session) ticks(u *camgate.Unit) uint64 {
	return uint64(max((u.Time()-s.base+margin+tick/2)/tick, 0))
}

func (s *session) run(p *child.Process, first *camgate.Unit) error {
	var (
		wg    sync.WaitGroup
		once  sync.Once
		cause error // what ended first; what follows from it is of no interest
	)
	wg.Go(func() {
		err := s.feed(p, first)
		if errors.Is(err, errDecoderGone) {
			// How it ended will say why, if it does.
			err = nil
			select {
			case <-p.Done():
			case <-time.After(time.Second):
			}
		}
		once.Do(func() {
			cause = err
			p.Stop()
		})
	})
	err := s.publish(p.Stdout)
	once.Do(func() { cause = err })
	s.reader.Close()
	p.Stdin.Close()
	wg.Wait()
	return cause
}

// feed writes the stream's pictures to the decoder.
func (s *session) feed(p *child.Process, u *camgate.Unit) error {
	out, err := newInput(p.Stdin, s.source)
	if err != nil {
		return ofPipe(err)
	}
	last := time.Now()
	for {
		if s.source.Params() != s.params && u.RandomAccess {
			return errNewParams // the decoder would not change its output's size
		}
		s.times.add(uint32(s.ticks(u)), u.Time())
		// A decoder that takes nothing has what is left of its time, and a moment at least.
		left := max(s.patience()-time.Duration(s.silent.Load()), s.patience()/4)
		if err := p.Stdin.SetWriteDeadline(time.Now().Add(left)); err != nil {
			return ofPipe(err)
		}
		if err := out.Picture(u.AU, u.RandomAccess, s.ticks(u)); err != nil {
			return ofPipe(err)
		}
		now := time.Now()
		// A pause of the source is not the decoder's, and no pictures are expected of
		// what it hurries through.
		quiet := s.silent.Add(int64(min(now.Sub(last), time.Second)))
		unseen := s.unseen.Add(1)
		if last = now; s.reader.Cached(u) {
			s.alive()
		} else if quiet > int64(s.patience()) && unseen > maxReorder {
			return errStalled
		}
		if u, err = s.reader.Next(); err != nil {
			return err
		}
	}
}

// patience is for how long nothing may come of the decoder. To start, a program needs more
// than it does for a picture, where the machine is slow or busy; but who waits for the
// first picture is to hear of one that does not.
func (s *session) patience() time.Duration {
	if s.begun.Load() {
		return s.server.opts.StallTimeout
	}
	return max(s.server.opts.StallTimeout, s.server.opts.StartTimeout/2)
}

// tick is the unit of the timestamps in the containers.
const tick = time.Millisecond

// newInput begins what a decoder is given.
func newInput(w io.Writer, t *camgate.Track) (*matroska.Writer, error) {
	p := t.Params()
	return matroska.NewWriter(w, matroska.Format{Codec: t.Codec, Width: p.Width, Height: p.Height, Tick: tick})
}

// maxReorder is how many pictures a decoder may have to hold back to put them in
// order (ISO/IEC 14496-10 annex A.3.1, ISO/IEC 23008-2 annex A.4.2).
const maxReorder = 16

func (s *session) alive() {
	s.silent.Store(0)
	s.unseen.Store(0)
}

// ofPipe translates what writing to the decoder failed with.
func ofPipe(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errStalled
	}
	return errDecoderGone
}

// publish reads the decoder's pictures until it ends.
func (s *session) publish(r io.Reader) error {
	in := newSMJPEG(r)
	newest := time.Duration(-1 << 63)
	for first := true; ; {
		picture, at, err := in.next()
		switch {
		case errors.Is(err, errNotSMJPEG):
			return fmt.Errorf("%w: %w", camgate.ErrDecoder, err)
		case err != nil:
			return nil // how the decoder ended says why
		case len(picture) < 4:
			continue
		}
		s.begun.Store(true)
		s.alive()
		when := s.times.find(at, s.base-margin+time.Duration(at)*tick)
		if when <= newest {
			continue
		}
		newest = when
		if first {
			s.describe(picture)
			s.rendition.SetStatus(camgate.Status{State: camgate.StateLive, Source: "JPEG of " + s.stream.Name()})
		}
		u := &camgate.Unit{
			Track: s.track, PTS: s.track.Ticks(when - s.behind), AU: [][]byte{picture},
			RandomAccess: true, Discontinuity: first,
		}
		s.show(u)
		s.server.counters.pictures.Add(1)
		first = false
	}
}

func (s *session) describe(picture []byte) {
	if c, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err == nil {
		s.track.SetParams(&camgate.Params{Width: c.Width, Height: c.Height, Profile: "JPEG"})
	}
}

// timestamps remembers the exact times of the pictures in the decoder, which knows
// them in ticks only.
type timestamps struct {
	mu   sync.Mutex
	ring [256]struct {
		at   uint32
		time time.Duration
	}
	n int
}

func (t *timestamps) add(at uint32, exact time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := &t.ring[t.n%len(t.ring)]
	e.at, e.time = at, exact
	t.n++
}

// find returns the exact time of what was added with at, or about if it is not
// remembered any more.
func (t *timestamps) find(at uint32, about time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := t.n - 1; i >= max(0, t.n-len(t.ring)); i-- {
		if e := t.ring[i%len(t.ring)]; e.at == at {
			return e.time
		}
	}
	return about
}
