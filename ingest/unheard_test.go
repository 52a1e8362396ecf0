package ingest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// Sound that is announced and never comes is told of, until it comes.
func TestSoundThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const late = 20 * time.Second
		s := supervise(t, Options{}, newFake("a", func(ctx context.Context, s *camgate.Stream) error {
			w, err := NewWriter(s, []*camgate.Track{newH264(t), newAAC(t)})
			if err != nil {
				return err
			}
			defer w.Close()
			for at := time.Duration(0); ctx.Err() == nil; at += 40 * time.Millisecond {
				if err := w.Write(picture("I", at)); err != nil {
					return err
				}
				if at > late {
					if err := w.Write(sound(at)); err != nil {
						return err
					}
				}
				time.Sleep(40 * time.Millisecond)
			}
			return ctx.Err()
		}))
		const other = "AAC cannot be made of G722"
		s.Warn("sound", other)
		for _, step := range []struct {
			wait time.Duration
			told bool
		}{{9 * time.Second, false}, {3 * time.Second, true}, {10 * time.Second, false}} {
			time.Sleep(step.wait)
			synctest.Wait()
			if got := slices.Contains(s.Info().Warnings, "the source announces sound (AAC) and sends none"); got != step.told {
				t.Errorf("%s later: %q", step.wait, s.Info().Warnings)
			}
			if !slices.Contains(s.Info().Warnings, other) {
				t.Errorf("%s later what somebody else says of the sound is gone: %q", step.wait, s.Info().Warnings)
			}
		}
		s.end(time.Second)
	})
}
