package camgate

import (
	"sync/atomic"
	"testing"
	"time"
)

// lent counts how often it is given back.
type lent struct{ freed atomic.Int32 }

func (l *lent) Free() { l.freed.Add(1) }

// nothing is a Packetizer that makes no packets, as that of Raw.
type nothing struct{}

func (nothing) Packetize(*PacketWriter, [][]byte) {}

func rawTrack() *Track {
	return NewTrack(TrackOptions{Kind: Video, Codec: Raw, ClockRate: 90000, PayloadType: 96, Packetizer: nothing{}})
}

func TestMemoryIsGivenBack(t *testing.T) {
	s := newStream("test", StreamLimits{Ring: RingLimits{Window: time.Nanosecond, CacheBytes: 3 * 1500}})
	tracks, err := s.Start([]*Track{rawTrack()})
	if err != nil {
		t.Fatal(err)
	}
	var memory []*lent
	var units []*Unit
	publish := func() {
		m := &lent{}
		u := &Unit{Track: tracks[0], AU: [][]byte{make([]byte, 1000)}, RandomAccess: true, Memory: m}
		s.Publish(u)
		memory, units = append(memory, m), append(units, u)
		for at := s.Now(); s.Now()-at < 2*time.Microsecond; { // older than the window
		}
	}
	publish()
	for range 2 {
		if !units[0].Hold() {
			t.Fatal("what the stream has cannot be held")
		}
	}
	for range 5 {
		publish()
	}
	if n := memory[0].freed.Load(); n != 0 {
		t.Errorf("what is held was given back %d times", n)
	}
	if n := memory[1].freed.Load(); n != 1 || units[1].Hold() {
		t.Errorf("what nobody holds was given back %d times, or can be held", n)
	}
	if n := memory[5].freed.Load(); n != 0 {
		t.Error("the newest picture was given back")
	}
	units[0].Release()
	if n := memory[0].freed.Load(); n != 0 {
		t.Error("given back although one still holds it")
	}
	units[0].Release()
	if n := memory[0].freed.Load(); n != 1 || units[0].Hold() {
		t.Errorf("after the last Release given back %d times, or it can be held", n)
	}
	if s.Repeat(s.Units()) {
		t.Error("a picture whose bytes do not last is repeated")
	}
	if n := units[5].PacketCount(); n != 0 {
		t.Errorf("%d packets", n)
	}
	plain := &Unit{}
	if !plain.Hold() {
		t.Error("a Unit without Memory cannot be held")
	}
	plain.Release()
}
