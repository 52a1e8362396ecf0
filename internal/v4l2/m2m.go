package v4l2

import (
	"syscall"
	"unsafe"
)

// EventType is what a device tells of.
type EventType uint32

// The events that devices tell of.
const (
	EventEOS          EventType = 2
	EventControl      EventType = 3
	EventSourceChange EventType = 5
)

// Subscribe has the device tell of something; false: it cannot. id is of what: an input
// for EventSourceChange, else 0.
func (d *Device) Subscribe(t EventType, id uint32) (bool, error) {
	s := eventSubscription{typ: uint32(t), id: id}
	if err := d.try(vidiocSubscribe, unsafe.Pointer(&s)); ends(err) {
		return false, nil
	} else if err != nil {
		return false, &opError{"subscribe to events", d.path, err}
	}
	return true, nil
}

// Unsubscribe ends that.
func (d *Device) Unsubscribe(t EventType, id uint32) error {
	s := eventSubscription{typ: uint32(t), id: id}
	return d.do("unsubscribe from events", vidiocUnsubscribe, unsafe.Pointer(&s))
}

// Notice is what a device told.
type Notice struct {
	Type    EventType
	ID      uint32 // of the control, for EventControl
	Pending int    // how many more there are
}

// NextEvent takes an event; it fails with ErrAgain when there is none.
func (d *Device) NextEvent() (Notice, error) {
	var e event
	switch err := d.try(vidiocDQEvent, unsafe.Pointer(&e)); {
	case err == syscall.ENOENT: //nolint:errorlint // straight from the system
		return Notice{}, ErrAgain
	case err != nil:
		return Notice{}, &opError{"take an event", d.path, err}
	}
	return Notice{EventType(e.typ), e.id, int(e.pending)}, nil
}

// Drain has an encoder finish what it was given: the last buffer of the capture side
// is marked as Last, then comes ErrLast.
func (d *Device) Drain() error { return d.encoder("drain", 1) }

// Resume has an encoder that was drained go on.
func (d *Device) Resume() error { return d.encoder("resume", 0) }

func (d *Device) encoder(op string, cmd uint32) error {
	c := encoderCmd{cmd: cmd}
	return d.do(op, vidiocEncoderCmd, unsafe.Pointer(&c))
}
