package camgate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// waiting runs r.Next in a goroutine and returns its result once it has one. It
// belongs into a synctest bubble.
func waiting(r *Reader) <-chan error {
	res := make(chan error, 1)
	go func() {
		_, err := r.Next()
		res <- err
	}()
	return res
}

func TestNextWakes(t *testing.T) {
	tests := []struct {
		name string
		do   func(f *feed, r *Reader, cancel func())
		want error
	}{
		{"a Unit", func(f *feed, r *Reader, cancel func()) { f.publish('K', 1) }, nil},
		{"Close of the reader", func(f *feed, r *Reader, cancel func()) { r.Close() }, ErrClosed},
		{"end of the context", func(f *feed, r *Reader, cancel func()) { cancel() }, ErrClosed},
		{"Close of the stream", func(f *feed, r *Reader, cancel func()) { f.Close() }, ErrClosed},
		{"other tracks", func(f *feed, r *Reader, cancel func()) { f.start(videoTrack()) }, ErrTracksChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFeed(t, StreamLimits{}, videoTrack(), audioTrack())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r, err := f.Subscribe(ctx, SubscribeOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				res := waiting(r)
				synctest.Wait()
				select {
				case err := <-res:
					t.Fatalf("Next returned %v before there was anything", err)
				default:
				}
				tt.do(f, r, cancel)
				synctest.Wait()
				select {
				case err := <-res:
					if !errors.Is(err, tt.want) {
						t.Errorf("Next: %v, want %v", err, tt.want)
					}
				default:
					t.Error("Next still waits")
					r.Close()
				}
			})
		})
	}
}

func TestSubscribeWithEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(t, StreamLimits{}, videoTrack())
		for range 100 {
			r, err := f.Subscribe(ctx, SubscribeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); !errors.Is(err, ErrClosed) {
				t.Fatalf("Next: %v, want ErrClosed", err)
			}
		}
		synctest.Wait()
		if n, _ := f.Demand(); n != 0 {
			t.Errorf("demand is %d after all readers ended", n)
		}
	})
}
