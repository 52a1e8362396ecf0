package v4l2

import (
	"errors"
	"syscall"
	"testing"
)

func TestQueue(t *testing.T) {
	k := &kernel{buffers: 3, size: 100, planes: 1}
	d := newDevice(t, k)
	q, err := d.NewQueue(Capture, 4, 2)
	if err != nil || q.Len() != 3 || k.mapped != 3 || q.Memory(2)[0][0] != 3 {
		t.Fatal(err, k.mapped)
	}
	if _, err := q.Dequeue(); !errors.Is(err, ErrAgain) {
		t.Error(err)
	}
	k.done = []buffer{
		{index: 1, used: 40, sequence: 9, sec: 3, usec: 5, flags: flagMonotonic | flagKey},
		{index: 2, used: 4000, flags: flagError}, // more than there is
		{index: 3},
	}
	b, err := q.Dequeue()
	if err != nil || b.Index != 1 || b.Sequence != 9 || b.Micros != 3000005 || !b.Monotonic || !b.Key || len(q.Data(&b, 0)) != 40 {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err = q.Dequeue(); err != nil || !b.Broken || len(q.Data(&b, 0)) != 100 {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := q.Dequeue(); !errors.Is(err, syscall.ERANGE) {
		t.Error(err)
	}
	for errno, want := range map[syscall.Errno]error{syscall.EPIPE: ErrLast, syscall.ENODEV: syscall.ENODEV, syscall.EIO: syscall.EIO} {
		k.errors = map[uintptr]error{vidiocDQBuf: errno}
		if _, err := q.Dequeue(); !errors.Is(err, want) || IsGone(err) != (errno == syscall.ENODEV) {
			t.Error(err)
		}
	}
	if err := q.Start(); err != nil {
		t.Fatal(err)
	}
	k.errors = map[uintptr]error{vidiocStreamOff: syscall.ENODEV, vidiocReqBufs: syscall.ENODEV}
	if err := q.Close(); err != nil || k.mapped != 0 {
		t.Error(err, k.mapped)
	}
	k.errors, k.buffers = nil, 1
	if _, err := d.NewQueue(Capture, 4, 2); !errors.Is(err, syscall.ENOMEM) || k.mapped != 0 {
		t.Error(err, k.mapped)
	}
}

func TestQueuePlanes(t *testing.T) {
	k := &kernel{buffers: 2, size: 100, planes: 2}
	d := newDevice(t, k)
	q, err := d.NewQueue(CaptureMPlane, 2, 2)
	if err != nil || q.Planes() != 2 || k.mapped != 4 || q.Memory(1)[1][0] != 10 {
		t.Fatal(err, k.mapped)
	}
	k.done = []buffer{{index: 1, sequence: 1}}
	k.donePl[0] = plane{used: 50, dataOffset: 8}
	k.donePl[1] = plane{used: 20, dataOffset: 30} // nonsense
	b, err := q.Dequeue()
	if err != nil || len(q.Data(&b, 0)) != 42 || len(q.Data(&b, 1)) != 0 {
		t.Errorf("%+v, %v", b, err)
	}
	if err := q.EnqueueFilled(1, 1_500_000, 60, 30); err != nil {
		t.Fatal(err)
	}
	if l := k.lastBuf; l.sec != 1 || l.usec != 500000 || l.length != 2 || k.lastPl[0].used != 60 || k.lastPl[1].used != 30 {
		t.Errorf("%+v %+v", k.lastBuf, k.lastPl[:2])
	}
}
