package webrtc

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/camgate/camgate"
)

// What is sent again by the repair source has a number of its own, and before the
// payload that of the packet that it repeats; each packet has the transport's next one.
func TestLaneRepair(t *testing.T) {
	stream, p, reader := readProgram(t, false)
	local, remote := secrets(t, srtp.ProtectionProfileAeadAes128Gcm)
	flight := newEstimator(time.Now())
	l := &lane{
		track: stream.Tracks()[0], payloadType: 102, ssrc: 7, next: 1<<16 + 65_000,
		repairType: 103, repairSSRC: 8, repairs: 65_535, stamps: 5, flight: flight,
	}
	b := newBatchPool(nil).get()
	number := uint16(0)
	open := func() (out rtp.Packet) {
		t.Helper()
		if len(b.packets) != 1 {
			t.Fatalf("%d packets", len(b.packets))
		}
		plain, err := remote.DecryptRTP(nil, b.packets[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Unmarshal(plain); err != nil {
			t.Fatal(err)
		}
		if got := out.GetExtension(5); len(got) != 2 || binary.BigEndian.Uint16(got) != number {
			t.Fatalf("the transport's number is %x, want %d", got, number)
		}
		number++
		b.reset()
		return out
	}
	sent := map[uint16]rtp.Packet{}
	var u *camgate.Unit
	for range 3 {
		u, _ = reader.Poll()
		for i := range u.PacketCount() {
			if _, err := l.send(b, local, u, i, 5); err != nil {
				t.Fatal(err)
			}
			p := open()
			sent[p.SequenceNumber] = p
		}
		p.next()
	}
	own := uint16(65_535)
	for seq, want := range sent {
		if n, err := l.resend(b, local, reader, seq); err != nil || n == 0 {
			t.Fatal(n, err)
		}
		got := open()
		if got.SSRC != 8 || got.PayloadType != 103 || got.SequenceNumber != own || got.Timestamp != want.Timestamp || got.Marker != want.Marker {
			t.Errorf("%v of %v", got.Header, want.Header)
		}
		if binary.BigEndian.Uint16(got.Payload) != seq || !bytes.Equal(got.Payload[2:], want.Payload) {
			t.Errorf("packet %d is another one", seq)
		}
		own++
	}
}

// Nothing is allocated for a packet, whether it is sent or sent again.
func TestLaneAllocates(t *testing.T) {
	stream, _, reader := readProgram(t, false)
	local, _ := secrets(t, srtp.ProtectionProfileAeadAes128Gcm)
	l := &lane{track: stream.Tracks()[0], next: 1 << 16, repairType: 103, repairSSRC: 8, stamps: 5, flight: newEstimator(time.Now())}
	b := newBatchPool(nil).get()
	u, _ := reader.Poll()
	if n := testing.AllocsPerRun(100, func() {
		b.reset()
		for i := range u.PacketCount() {
			_, _ = l.send(b, local, u, i, 0)
		}
		_, _ = l.resend(b, local, reader, uint16(l.next)-1)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
