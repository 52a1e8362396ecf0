package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// Dials keeps count of the sources that run, and spaces the connections to each
// device. All supervisors of a gateway share one.
type Dials struct {
	max int

	mu      sync.Mutex
	running int
	devices map[string]*device
}

// device is a host and port that sources connect to.
type device struct {
	next   time.Time // when it may be dialled again
	users  int       // sources that run
	single string    // the stream that has it for itself

	knocking chan struct{} // closed when the knock under way is answered; nil: none is
	knocked  time.Time
	answer   error
}

// NewDials makes the account of a gateway that runs at most maxSources sources at a
// time; 0 means 64.
func NewDials(maxSources int) *Dials {
	if maxSources == 0 {
		maxSources = 64
	}
	return &Dials{max: maxSources, devices: map[string]*device{}}
}

// device returns the account of an address; mu is held.
func (d *Dials) device(address string) *device {
	dev, ok := d.devices[address]
	if !ok {
		dev = &device{}
		d.devices[address] = dev
	}
	return dev
}

// call is what a source is about to do.
type call struct {
	stream   string
	address  string // empty: it connects to nothing
	interval time.Duration
	single   bool // the device takes one connection
}

func addressOf(s camgate.Source) string {
	if r, ok := s.(camgate.Remote); ok {
		return r.Device()
	}
	return ""
}

// enter makes a source one of those that run, until leave is called, and returns how
// long it has to wait before it connects.
func (d *Dials) enter(c call) (wait time.Duration, leave func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running >= d.max {
		return 0, nil, fmt.Errorf("%w: %d sources run already, which is the limit", camgate.ErrTooManyStreams, d.max)
	}
	d.running++
	undo := func() { d.running-- }
	if c.address != "" {
		dev := d.device(c.address)
		if dev.users > 0 && (c.single || dev.single != "") {
			d.running--
			return 0, nil, fmt.Errorf("%w: the device takes one connection, and another source has it", camgate.ErrConnectionFailed)
		}
		if c.single {
			dev.single = c.stream
		}
		dev.users++
		now := time.Now()
		if dev.next.After(now) {
			wait = dev.next.Sub(now)
		}
		dev.next = now.Add(wait + c.interval)
		undo = func() {
			d.running--
			dev.users--
			if dev.users == 0 {
				dev.single = ""
			}
		}
	}
	return wait, sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		undo()
	}), nil
}

// knock asks a source's device whether it is there. Streams of one device share the
// answer.
func (d *Dials) knock(ctx context.Context, s camgate.Source) error {
	k, ok := s.(camgate.Knocker)
	if !ok {
		return nil
	}
	address := addressOf(s)
	if address == "" {
		return k.Knock(ctx)
	}
	for {
		d.mu.Lock()
		dev := d.device(address)
		if !dev.knocked.IsZero() && time.Since(dev.knocked) < knockInterval/2 {
			defer d.mu.Unlock()
			return dev.answer
		}
		other := dev.knocking
		if other == nil {
			dev.knocking = make(chan struct{})
			d.mu.Unlock()
			return d.ask(ctx, dev, k)
		}
		d.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Dials) ask(ctx context.Context, dev *device, k camgate.Knocker) error {
	err := k.Knock(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	close(dev.knocking)
	dev.knocking = nil
	if ctx.Err() == nil { // else it says nothing of the device
		dev.knocked, dev.answer = time.Now(), err
	}
	return err
}
