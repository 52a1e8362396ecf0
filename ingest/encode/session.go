package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/egress/matroska"
)

// Session is an encoder at work on one run of pictures.
type Session struct {
	encoder  Encoder
	format   Format
	settings Settings
	patience time.Duration // until the first picture
	hang     time.Duration // without a picture, after that
	slow     time.Duration // that it may be behind for
	cpu      time.Duration // that the child had, once Run has returned

	device  atomic.Pointer[direct] // of an encoder without a child, once it runs
	force   atomic.Bool            // the next picture is to be a keyframe
	pending pending
	broken  atomic.Int64 // pictures that could not be decoded since one came out
	idle    atomic.Int64 // ns for which there was no picture to encode
	since   atomic.Int64 // ns of the Unix time since when there is none; 0: there is one
}

func newSession(e Encoder, f Format, s Settings) *Session {
	// With other work the same machine may take longer than at the trial.
	patience := min(max(startTime, 3*e.begin), maxStart)
	return &Session{encoder: e, format: f, settings: s, patience: patience, hang: hangTime, slow: slowTime}
}

// Settings are those of the session, complete.
func (s *Session) Settings() Settings { return s.settings }

// Encoder returns the one at work.
func (s *Session) Encoder() Encoder { return s.encoder }

// ForceKeyframe makes the next picture a keyframe. False: this encoder cannot.
func (s *Session) ForceKeyframe() bool {
	if s.encoder.forces {
		s.force.Store(true)
	}
	return s.encoder.forces
}

// SetBitrate changes the bit rate at once. False: this encoder cannot, start a new
// session.
func (s *Session) SetBitrate(bits int) bool {
	d := s.device.Load()
	return d != nil && d.setBitrate(bits)
}

// Run encodes until ctx ends, or in or out fail, whose error it returns. in waits for
// the next picture; its bytes are used until its Release is called, which may be a few
// pictures later, or if it has none until in is called again.
// io.EOF from it ends the session well, when all is encoded. in is called by a
// goroutine of its own, until its context ends. A *SessionError says that the encoder
// failed.
func (s *Session) Run(ctx context.Context, in func(context.Context) (Picture, error), out func(Picture) error) error {
	if s.encoder.kind.direct {
		return s.runDirect(ctx, in, out)
	}
	args, err := s.arguments()
	if err != nil {
		return err
	}
	var theirs error
	var process *child.Process
	var to pipe
	defer to.close() // when nothing is left of the child, and of the pipe
	err = child.Run(ctx, child.Command{
		Path: s.encoder.path, Args: args, Env: append([]string{"AV_LOG_FORCE_NOCOLOR=1"}, s.encoder.env...),
		PipeBytes: s.pipeBytes(), Grace: 300 * time.Millisecond, Listen: s.hear,
	}, func(p *child.Process) error {
		var err error
		process, to.file = p, p.Stdin
		err, theirs = s.work(ctx, p, &to, in, out)
		return err
	})
	if process != nil {
		s.cpu = process.CPU()
	}
	if err = ofChild(s.encoder.Name(), err, theirs); err == io.EOF {
		return nil
	}
	return err
}

// work moves pictures until something ends. theirs is set if that is an error of in
// or out.
func (s *Session) work(ctx context.Context, p *child.Process, to *pipe, in func(context.Context) (Picture, error), out func(Picture) error) (err, theirs error) {
	ctx, cancel := context.WithCancel(ctx)
	var (
		wg    sync.WaitGroup
		once  sync.Once
		cause error
		// complete: all pictures are in the child, which is to end when it has them done.
		complete atomic.Bool
	)
	end := func(err, their error) { once.Do(func() { cause, theirs = err, their }) }
	wg.Go(func() {
		defer p.Stdin.Close()
		err, their := s.feed(ctx, to, in)
		if errors.Is(their, io.EOF) {
			complete.Store(true)
			if s.pending.state(time.Now()).entered == 0 {
				end(err, their) // the child's complaint is of no interest
			}
			return // what is in the encoder comes out yet
		}
		if err != nil && !errors.Is(err, errGone) && ctx.Err() == nil {
			end(err, their)
			p.Stop()
		}
	})
	wg.Go(func() {
		if err := s.watch(ctx); err != nil {
			end(err, nil)
			p.Stop()
		}
	})
	err, their := s.collect(reader(p.Stdout), out)
	if errors.Is(err, errGone) {
		if err = nil; !complete.Load() {
			err = ErrDied // well or not: nobody has told it to
		}
	}
	end(err, their)
	cancel()
	p.Stdin.Close()
	wg.Wait()
	return cause, theirs
}

// feed writes pictures to the child.
func (s *Session) feed(ctx context.Context, to *pipe, in func(context.Context) (Picture, error)) (err, theirs error) {
	f, columns := s.format, s.format.Width
	if f.Codec == camgate.Raw {
		l, err := f.layout()
		if err != nil {
			return err, nil
		}
		columns = l.columns
	}
	w, err := matroska.NewWriter(to, matroska.Format{
		Codec: f.Codec, Width: columns, Height: f.Height, Pixels: f.Pixels, FPS: s.settings.rate(f), Tick: tick,
	})
	if err != nil {
		return errGone, nil
	}
	thin := thinner{}
	if f.Codec == camgate.Raw && s.settings.thins(f) {
		thin.interval = time.Duration(float64(time.Second) / s.settings.FPS)
	}
	for {
		s.since.Store(time.Now().UnixNano())
		picture, err := in(ctx)
		s.idle.Add(time.Now().UnixNano() - s.since.Swap(0))
		switch {
		case err != nil:
			return err, err
		case thin.wants(picture.Time):
			to.begin(picture.Release)
			err = s.give(w, picture)
			err = errors.Join(err, to.finish())
		case picture.Release != nil:
			picture.Release()
		}
		switch {
		case errors.Is(err, ErrTimes), errors.Is(err, camgate.ErrBadRequest):
			return err, err
		case err != nil:
			return errGone, nil
		}
	}
}

// give writes one picture to the child.
func (s *Session) give(w *matroska.Writer, picture Picture) error {
	au := picture.AU
	if s.format.Codec == camgate.Raw {
		var err error
		if au, err = s.format.whole(au); err != nil {
			return err
		}
	}
	at, err := s.pending.add(picture.Time, s.force.Swap(false), time.Now(), s.waited(time.Now()))
	if err != nil {
		return err
	}
	return w.Picture(au, picture.Key, uint64(at))
}

// collect reads the access units until the child ends.
func (s *Session) collect(r io.Reader, out func(Picture) error) (err, theirs error) {
	in, made, empty := newNUT(r), units{codec: s.settings.Codec}, 0
	for first := true; ; {
		p, err := in.next()
		switch {
		case errors.Is(err, errNotNUT):
			return fmt.Errorf("%w: %w", ErrGarbage, err), nil
		case err != nil:
			return errGone, nil
		case first:
			made.learn(in.extra)
		}
		au, key, err := made.take(p.data)
		switch {
		case err != nil:
			return err, nil
		case len(au) == 0:
			if empty++; empty >= maxEmpty {
				return ErrEmpty, nil
			}
			continue
		case first && !key:
			return fmt.Errorf("%w: the first picture is no keyframe", ErrGarbage), nil
		}
		first, empty = false, 0
		s.broken.Store(0)
		exact, ok := s.pending.take(in.rescale(p.pts, second), time.Now())
		if !ok {
			return fmt.Errorf("%w: a picture with a time that none had", ErrGarbage), nil
		}
		if err := out(Picture{Time: exact, AU: au, Key: key}); err != nil {
			return err, err
		}
	}
}

// maxEmpty is how many empty pictures in a row are the encoder's end.
const maxEmpty = 3

// thinner picks some of the pictures, evenly.
type thinner struct {
	interval time.Duration // of what is wanted; 0: all
	next     time.Duration
	begun    bool
}

func (t *thinner) wants(at time.Duration) bool {
	if t.interval == 0 {
		return true
	}
	if t.begun && at < t.next-t.interval/4 && at > t.next-16*t.interval {
		return false
	}
	if t.next += t.interval; !t.begun || t.next < at+t.interval/2 || t.next > at+2*t.interval {
		t.next = at + t.interval/2
	}
	t.begun = true
	return true
}

// whole cuts off what a driver's buffer has behind the picture.
func (f Format) whole(au [][]byte) ([][]byte, error) {
	l, err := f.layout()
	if err != nil {
		return nil, err
	}
	got := 0
	for i, piece := range au {
		if got+len(piece) >= l.bytes {
			if got+len(piece) == l.bytes && i == len(au)-1 {
				return au, nil
			}
			return append(au[:i:i], piece[:l.bytes-got]), nil
		}
		got += len(piece)
	}
	return nil, fmt.Errorf("%w: a raw picture has %d bytes instead of %d", camgate.ErrBadRequest, got, l.bytes)
}
