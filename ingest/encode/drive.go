package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/camgate/camgate/internal/v4l2"
)

// runDirect is Run with a device and no child. One goroutine brings pictures, this one
// has the device.
func (s *Session) runDirect(ctx context.Context, in func(context.Context) (Picture, error), out func(Picture) error) error {
	d := &direct{}
	defer d.close()
	if err := d.open(s.encoder.variant.name, s.format, s.settings); err != nil {
		return &SessionError{Encoder: s.encoder.Name(), Err: fmt.Errorf("%w: %w", ErrDied, err)}
	}
	s.device.Store(d)
	ctx, cancel := context.WithCancelCause(ctx)
	pictures := make(chan Picture)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	wg.Go(func() {
		defer close(pictures)
		if err := s.bring(ctx, in, pictures); !errors.Is(err, io.EOF) {
			cancel(err)
		}
	})
	wg.Go(func() {
		if err := s.watch(ctx); err != nil {
			cancel(&SessionError{Encoder: s.encoder.Name(), Err: err})
		}
	})
	err := s.drive(ctx, d, pictures, out)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// bring fetches the pictures that are wanted.
func (s *Session) bring(ctx context.Context, in func(context.Context) (Picture, error), pictures chan<- Picture) error {
	thin := thinner{}
	if s.settings.thins(s.format) {
		thin.interval = time.Duration(float64(time.Second) / s.settings.FPS)
	}
	for {
		s.since.Store(time.Now().UnixNano())
		p, err := in(ctx)
		s.idle.Add(time.Now().UnixNano() - s.since.Swap(0))
		if err != nil {
			return err
		}
		if p.Release == nil {
			p.Release = func() {}
		}
		if !thin.wants(p.Time) {
			p.Release()
			continue
		}
		done := make(chan struct{})
		release := p.Release
		p.Release = func() { release(); close(done) }
		select {
		case pictures <- p:
			<-done // its bytes are ours until then
		case <-ctx.Done():
			p.Release()
			return ctx.Err()
		}
	}
}

// drive moves pictures through the device until there are no more.
func (s *Session) drive(ctx context.Context, d *direct, pictures <-chan Picture, out func(Picture) error) error {
	failed := func(err error) error {
		if err == nil {
			return nil
		}
		return &SessionError{Encoder: s.encoder.Name(), Err: fmt.Errorf("%w: %w", ErrDied, err)}
	}
	given := func(p Picture) error {
		defer p.Release()
		au, err := s.format.whole(p.AU)
		if err != nil {
			return err
		}
		at, err := s.pending.add(p.Time, s.force.Swap(false), time.Now(), s.waited(time.Now()))
		if err != nil {
			return err
		}
		return failed(d.give(au, at))
	}
	made := sink{session: s, units: units{codec: s.settings.Codec}, out: out, first: true}
	for more := true; ; {
		busy := s.pending.state(time.Now()).pictures > 0
		switch {
		case !busy && !more:
			return nil
		case !busy:
			select {
			case p, ok := <-pictures:
				if more = ok; !ok {
					continue
				}
				if err := given(p); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		case more && len(d.free) > 0:
			select {
			case p, ok := <-pictures:
				if more = ok; ok {
					if err := given(p); err != nil {
						return err
					}
				}
			default:
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := d.dev.Wait(v4l2.Readable, 2); err != nil { // and look for the next picture
			return failed(err)
		}
		if err := d.collect(made.take); err != nil {
			if made.failure != nil {
				return made.failure
			}
			return failed(err)
		}
	}
}

// sink passes on what an encoder made.
type sink struct {
	session *Session
	units   units
	out     func(Picture) error
	first   bool
	empty   int
	failure error // what take returned
}

func (k *sink) take(data []byte, at int64) error {
	k.failure = k.pass(data, at)
	return k.failure
}

func (k *sink) pass(data []byte, at int64) error {
	bad := func(err error) error { return &SessionError{Encoder: k.session.encoder.Name(), Err: err} }
	au, key, err := k.units.take(data)
	switch {
	case err != nil:
		return bad(err)
	case len(au) == 0:
		k.units.learn(data) // some give the parameter sets by themselves
		if k.empty++; k.empty >= maxEmpty {
			return bad(ErrEmpty)
		}
		return nil
	case k.first && !key:
		return bad(fmt.Errorf("%w: the first picture is no keyframe", ErrGarbage))
	}
	k.first, k.empty = false, 0
	exact, ok := k.session.pending.take(at, time.Now())
	if !ok {
		return bad(fmt.Errorf("%w: a picture with a time that none had", ErrGarbage))
	}
	return k.out(Picture{Time: exact, AU: au, Key: key})
}
