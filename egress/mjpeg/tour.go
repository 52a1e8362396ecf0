package mjpeg

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// tour is what a viewer is shown from the beginning to the end: one view after the other.
type tour struct {
	server *Server
	want   wanted
	remote string
	out    sink
	log    *slog.Logger
	view   *view
	steps  []shape // from what was asked for to the least; one: it stays at that
	thrift thrift

	beside sync.WaitGroup
	next   chan *view // what is opened beside, to go on with; nil: nothing is
	drop   context.CancelFunc
}

// errSwitch is why a view ends that another one follows.
var errSwitch = errors.New("there are other pictures for the viewer")

// plan lists the steps down for a viewer who is slow. All are of the shapes that others can
// ask for too.
func (t *tour) plan(adapt bool) {
	first := t.want.shape
	t.steps = []shape{first}
	if !adapt {
		return
	}
	tracks := t.want.stream.Tracks()
	track, err := videoTrack(tracks)
	if err != nil {
		return
	}
	for _, less := range []shape{{1280, 0, 50}, {640, 0, 35}, {320, 0, 20}} {
		if first.quality > 0 {
			less.quality = min(less.quality, first.quality)
		}
		if first.width > 0 {
			less.width = min(less.width, first.width)
		}
		less.fps = first.fps
		if less = t.server.fit(less, track); less != t.steps[len(t.steps)-1] {
			t.steps = append(t.steps, less)
		}
	}
	t.thrift = thrift{most: len(t.steps) - 1, wait: calmBefore}
}

// run shows the stream's pictures until the viewer goes, or there are no more.
func (t *tour) run(ctx context.Context) (err error) {
	defer t.leave()
	for {
		err := t.show(ctx)
		if errors.Is(err, errSwitch) {
			continue
		}
		t.leave()
		if ctx.Err() != nil || !camgate.IsGone(err) {
			return err
		}
		// The tracks changed, or what made the pictures ended: the viewer stays if
		// there is another way to go on.
		t.want.shape = t.steps[0]
		if t.view, err = t.server.open(ctx, t.want, t.remote, nil); err != nil {
			return err
		}
		t.thrift = thrift{most: t.thrift.most, wait: t.thrift.wait}
	}
}

// leave closes what the viewer looks at, and what it was to look at next.
func (t *tour) leave() {
	if t.next != nil {
		t.drop()
		if v := <-t.next; v != nil {
			if t.view != nil && v.place == t.view.place {
				v.place = nil
			}
			v.close()
		}
		t.next = nil
	}
	t.beside.Wait()
	if t.view != nil {
		t.view.close()
		t.view = nil
	}
}

// show sends pictures until the viewer goes, there are no more of them, or others are there.
func (t *tour) show(ctx context.Context) error {
	v := t.view
	defer context.AfterFunc(ctx, v.reader.Close)()
	gap := v.gap()
	var last time.Duration
	for u := v.first; ; {
		if gap == 0 || last == 0 || u.Time()-last >= gap {
			last = u.Time()
			begin := time.Now()
			n, err := t.out.picture(u)
			v.sent(n)
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				return errStuck
			case err != nil:
				return errViewerGone
			}
			if now := time.Now(); t.adapt(ctx, now, now.Sub(begin)) {
				return errSwitch
			}
		}
		var err error
		if u, err = v.reader.Next(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// gap is the least time between two pictures of a stream that has JPEGs itself, of which
// some may be left out; a tenth less, as in Server.live.
func (v *view) gap() time.Duration {
	if v.lease != nil {
		return 0
	}
	return v.shape.interval() * 9 / 10
}

// adapt goes over to another step when the viewer's network asks for it, and reports
// whether the view is another one now. The old one goes on until the new one has a picture.
func (t *tour) adapt(ctx context.Context, now time.Time, took time.Duration) bool {
	if len(t.steps) < 2 {
		return false
	}
	if t.next == nil {
		before := t.thrift.step
		if step := t.thrift.note(now, took); step != before {
			t.begin(ctx, t.steps[step])
		}
		return false
	}
	select {
	case v := <-t.next:
		t.next = nil
		if v == nil { // as there is no room for it
			t.thrift.missed()
			return false
		}
		if v.place != nil && v.place == t.view.place {
			t.view.place = nil
		}
		t.view.close()
		t.view = v
		t.log.Info("a viewer's pictures change with what its network takes", "picture", v.shape.String())
		return true
	default:
		return false
	}
}

func (t *tour) begin(ctx context.Context, to shape) {
	next := make(chan *view, 1)
	ctx, stop := context.WithCancel(ctx)
	t.next, t.drop = next, stop
	place := t.view.place
	t.beside.Go(func() {
		v, err := t.server.open(ctx, wanted{t.want.stream, to}, t.remote, place)
		if err != nil {
			t.log.Debug("no other pictures for a slow viewer", "picture", to.String(), "err", err)
			stop()
		} else {
			v.stop = stop
		}
		next <- v
	})
}
