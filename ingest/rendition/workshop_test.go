package rendition

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

// workshop is a machine's encoders as a test wants them.
type workshop struct {
	mu      sync.Mutex
	list    []*worker
	demoted []string
	open    []*work // all that were
}

func (w *workshop) Choose(_ context.Context, _ encode.Format, s encode.Settings) ([]Encoder, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Encoder
	for _, e := range w.list {
		if !slices.Contains(w.demoted, e.name) && (s.Encoder == "" || s.Encoder == e.name) {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: all are broken", camgate.ErrEncoderUnavailable)
	}
	return out, nil
}

func (w *workshop) Demote(e Encoder, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.demoted = append(w.demoted, e.Name())
}

func (w *workshop) works() []*work {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.open)
}

// worker is an encoder that copies the kind of what it gets: a keyframe each gop
// pictures, or when asked, each delayed by a while.
type worker struct {
	shop  *workshop
	name  string
	gop   int
	delay time.Duration
	dies  int   // after so many pictures, below 0 none; 0: never
	fails error // how it dies; nil: encode.ErrDied
	able  bool  // to make keyframes and change the bitrate when asked
}

func (e *worker) Name() string { return e.name }

func (e *worker) Open(f encode.Format, s encode.Settings) (Session, error) {
	w := &work{worker: e, format: f, settings: s, bitrate: s.Bitrate}
	e.shop.mu.Lock()
	defer e.shop.mu.Unlock()
	e.shop.open = append(e.shop.open, w)
	return w, nil
}

type work struct {
	*worker
	format   encode.Format
	settings encode.Settings

	mu      sync.Mutex
	key     bool
	bitrate int
	ended   bool
}

// state is how it is now, at work.
func (w *work) state() (bitrate int, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bitrate, w.ended
}

func (w *work) ForceKeyframe() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.key = w.able
	return w.able
}

func (w *work) SetBitrate(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.able {
		w.bitrate = n
	}
	return w.able
}

func (w *work) Run(ctx context.Context, in func(context.Context) (encode.Picture, error), out func(encode.Picture) error) error {
	defer func() {
		w.mu.Lock()
		w.ended = true
		w.mu.Unlock()
	}()
	time.Sleep(w.delay)
	for i := 0; ; i++ {
		p, err := in(ctx)
		if err != nil {
			return err
		}
		if p.Release != nil {
			p.Release()
		}
		if w.dies != 0 && i >= w.dies {
			return cmp.Or(w.fails, encode.ErrDied)
		}
		w.mu.Lock()
		key := i%w.gop == 0 || w.key
		w.key = w.key && !key
		w.mu.Unlock()
		p.Key, p.AU = key, [][]byte{{0x41, 0x9a, byte(i)}}
		if key {
			p.AU = [][]byte{sps, pps, {0x65, 0x88, byte(i)}}
		}
		if err := out(p); err != nil {
			return err
		}
	}
}

func (w *workshop) add(e worker) *workshop {
	e.shop = w
	if e.gop == 0 {
		e.gop = 25
	}
	w.list = append(w.list, &e)
	return w
}

// bench is a pair whose rendition is encoded.
type bench struct {
	*pair
	shop   *workshop
	source *Source
	reader *camgate.Reader
	last   *camgate.Unit
}

func newBench(t *testing.T, shop *workshop, want Settings) *bench {
	b := &bench{shop: shop}
	b.pair = newPair(t, false, func(parent, _ *camgate.Stream) camgate.Source {
		b.source = New(Options{Parent: parent, Want: want, Encoders: shop})
		return b.source
	})
	b.reader = b.read(t, b.child)
	return b
}

func (b *bench) close() {
	b.reader.Close()
	b.stop()
}

// cameras tells whether a NAL unit is one of those that the camera sends.
func cameras(nalu []byte) bool { return bytes.Equal(nalu, idr) || bytes.Equal(nalu, other) }

// watch looks at pictures for a while: their times go on, no pause is longer than
// that, and where something new begins it begins with a keyframe.
func (b *bench) watch(t *testing.T, pictures int, pause time.Duration) (sound int) {
	t.Helper()
	for pictures > 0 {
		began := time.Now()
		u := next(t, b.reader)
		if u.Track.Kind != camgate.Video {
			sound++
			continue
		}
		pictures--
		if b.last != nil {
			if u.PTS <= b.last.PTS {
				t.Fatalf("a picture at %v after one at %v", u.Time(), b.last.Time())
			}
			if d := u.Time() - b.last.Time(); d > pause+time.Millisecond {
				t.Fatalf("no picture for %v", d)
			}
			own, before := u.AU[len(u.AU)-1], b.last.AU[len(b.last.AU)-1]
			if own[2] != before[2]+1 && !u.RandomAccess && !(cameras(own) && cameras(before)) {
				t.Fatalf("a session begins at %v without a keyframe", u.Time())
			}
		}
		if time.Since(began) > 3*time.Second {
			t.Fatalf("waited for a picture for %v", time.Since(began))
		}
		b.last = u
	}
	return sound
}
