package ingest

import (
	"context"
	"errors"
	"sync"

	"github.com/camgate/camgate"
)

// controlled is what people want of a supervisor while it runs.
type controlled struct {
	mu      sync.Mutex
	off     bool
	picked  int           // index of the source to take; -1: the supervisor decides
	changed chan struct{} // closed and replaced when anything above changes
}

func newControl() *controlled {
	return &controlled{picked: -1, changed: make(chan struct{})}
}

func (c *controlled) get() (on bool, picked int, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.off, c.picked, c.changed
}

func (c *controlled) set(change func() (changed bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if change() {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// errSwitched ends a session that people want no more.
var errSwitched = errors.New("switched")

// errOff is why a stream is idle that was switched off.
var errOff = errors.New("it is switched off")

// Enable switches the source on or off. Readers of the stream stay.
func (sup *Supervisor) Enable(on bool) {
	sup.control.set(func() bool {
		changed := sup.control.off == on
		sup.control.off = !on
		return changed
	})
}

// Enabled tells whether the source is switched on.
func (sup *Supervisor) Enabled() bool {
	on, _, _ := sup.control.get()
	return on
}

// Pick takes one of the sources by its index, and no other; -1 takes the first that
// works. Readers of the stream stay.
func (sup *Supervisor) Pick(index int) {
	sup.control.set(func() bool {
		changed := sup.control.picked != index
		sup.control.picked = index
		return changed
	})
}

// Picked returns what was picked, -1 when nothing was.
func (sup *Supervisor) Picked() int {
	_, picked, _ := sup.control.get()
	return picked
}

// Sources describes the sources, in their order.
func (sup *Supervisor) Sources() []string {
	out := make([]string, len(sup.sources))
	for i, s := range sup.sources {
		out[i] = s.String()
	}
	return out
}

// awaitEnabled blocks while the source is switched off; false when ctx ended.
func (sup *Supervisor) awaitEnabled(ctx context.Context) bool {
	for {
		on, _, changed := sup.control.get()
		if on {
			return true
		}
		sup.setState(camgate.StateIdle, errOff, 0)
		sup.log.Info("source is switched off")
		select {
		case <-changed:
			sup.setState(camgate.StateIdle, nil, 0)
		case <-ctx.Done():
			return false
		}
	}
}
