package webrtc

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/camgate/camgate"
)

// secrets returns both ends of an SRTP session.
func secrets(t testing.TB, profile srtp.ProtectionProfile) (local, remote *srtp.Context) {
	t.Helper()
	salt := make([]byte, 14)
	if profile == srtp.ProtectionProfileAeadAes128Gcm {
		salt = salt[:12]
	}
	local, err := srtp.CreateContext(make([]byte, 16), salt, profile)
	if err != nil {
		t.Fatal(err)
	}
	remote, err = srtp.CreateContext(make([]byte, 16), salt, profile)
	if err != nil {
		t.Fatal(err)
	}
	return local, remote
}

// readProgram is a stream with its first picture, and a reader of it.
func readProgram(t *testing.T, sound bool) (*camgate.Stream, *program, *camgate.Reader) {
	t.Helper()
	stream := newStream(t)
	p := newProgram(t, stream, sound)
	p.next()
	reader, err := stream.Subscribe(context.Background(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return stream, p, reader
}

// Whatever is skipped and shifted, the viewer sees one contiguous run of packets,
// and a packet sent again is the same, bit by bit.
func TestLaneResend(t *testing.T) {
	for _, profile := range []srtp.ProtectionProfile{srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80} {
		stream, p, reader := readProgram(t, true)
		local, remote := secrets(t, profile)
		track := stream.Tracks()[0]
		l := &lane{track: track, payloadType: 102, ssrc: 7, next: 1<<16 + 65_000} // about to wrap
		rnd := rand.New(rand.NewPCG(1, 2))
		first := uint16(l.next)
		sent := map[uint16][]byte{}
		var last uint16
		b := newBatchPool(nil).get()
		shift := uint32(0)
		for range 300 {
			p.next()
			for u, ok := reader.Poll(); ok; u, ok = reader.Poll() {
				if u.Track != track || rnd.IntN(5) == 0 {
					continue // skipped
				}
				if rnd.IntN(3) == 0 {
					shift += rnd.Uint32N(1000)
				}
				for i := range u.PacketCount() {
					if _, err := l.send(b, local, u, i, shift); err != nil {
						t.Fatal(err)
					}
					packet := bytes.Clone(b.packets[len(b.packets)-1])
					b.reset()
					plain, err := remote.DecryptRTP(nil, packet, nil)
					if err != nil {
						t.Fatal(err)
					}
					var got rtp.Packet
					if err := got.Unmarshal(plain); err != nil {
						t.Fatal(err)
					}
					want := u.Packets()
					if got.SSRC != 7 || got.PayloadType != 102 || got.Timestamp != u.RTPTime()+shift ||
						got.Marker != want.Marker(i) || !bytes.Equal(got.Payload, want.Payload(i)) {
						t.Fatalf("wrong packet %v", got.Header)
					}
					if len(sent) > 0 && got.SequenceNumber != last+1 {
						t.Fatalf("sequence number %d after %d", got.SequenceNumber, last)
					}
					last = got.SequenceNumber
					sent[last] = packet
				}
			}
			for range 3 {
				seq := last - uint16(rnd.IntN(40))
				if seq-first > 1<<15 {
					continue
				}
				if _, err := l.resend(b, local, reader, seq); err != nil {
					t.Fatal(err)
				}
				if b.empty() {
					t.Fatalf("packet %d of %d is not sent again", seq, last)
				}
				if !bytes.Equal(b.packets[0], sent[seq]) {
					t.Fatalf("packet %d is another one when sent again", seq)
				}
				b.reset()
			}
		}
		for _, seq := range []uint16{last + 1, last + 1000, first - 1} {
			if n, _ := l.resend(b, local, reader, seq); n != 0 {
				t.Errorf("packet %d was never sent, but is sent again", seq)
			}
		}
		if len(l.past) > maxSpans {
			t.Errorf("%d spans are remembered", len(l.past))
		}
	}
}

// In quiet times what was is forgotten.
func TestLaneForgets(t *testing.T) {
	stream, p, reader := readProgram(t, false)
	local, _ := secrets(t, srtp.ProtectionProfileAeadAes128Gcm)
	l := &lane{track: stream.Tracks()[0], next: 1 << 16}
	b := newBatchPool(nil).get()
	for n := range 1500 {
		p.next()
		for u, ok := reader.Poll(); ok; u, ok = reader.Poll() {
			for i := range u.PacketCount() {
				if _, err := l.send(b, local, u, i, uint32(min(n, 100))); err != nil {
					t.Fatal(err)
				}
				b.reset()
			}
		}
	}
	if len(l.past) != 1 {
		t.Errorf("%d spans are remembered", len(l.past))
	}
}

// The cached GOP leaves in a fraction of its time, with timestamps that only grow
// and end at the live edge.
func TestCatchUp(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	for range 45 {
		p.next()
	}
	reader, err := stream.Subscribe(context.Background(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	track := stream.Tracks()[0]
	c := catchUp{track: track}
	l := &lane{track: track}
	for u, ok := reader.Poll(); ok; u, ok = reader.Poll() {
		c.add(u)
	}
	if len(c.queue) != 45 {
		t.Fatalf("%d pictures are cached", len(c.queue))
	}
	edge := c.queue[44]
	start := time.Now()
	now, nextLive := start, start.Add(frameTime)
	c.begin(now, 0)
	sent := 0
	for len(c.queue) > 0 {
		if now.After(nextLive) { // the stream goes on
			p.next()
			u, _ := reader.Poll()
			c.add(u)
			nextLive = nextLive.Add(frameTime)
		}
		u, shift := c.next(now, l)
		stamp := u.RTPTime() + shift
		if l.stamped && int32(stamp-l.stamp) <= 0 {
			t.Fatalf("picture %d: the timestamp goes from %d to %d", sent, l.stamp, stamp)
		}
		l.stamped, l.stamp = true, stamp
		line := edge.RTPTime() + uint32(track.Ticks(now.Sub(start)))
		if off := track.Duration(int64(int32(stamp - line))); off < 0 || off > frameTime {
			t.Errorf("picture %d is stamped %v from the live edge", sent, off)
		}
		sent++
		now = c.due
	}
	if took := now.Sub(start); took > 700*time.Millisecond {
		t.Errorf("catching up takes %v", took)
	}
	t.Logf("%d pictures in %v", sent, now.Sub(start))
}

// A keyframe that comes while the viewer catches up is the shortest way to the
// live edge.
func TestCatchUpAtKeyframe(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	for range 49 {
		p.next()
	}
	reader, err := stream.Subscribe(context.Background(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.next()
	p.next()
	c := catchUp{track: stream.Tracks()[0]}
	for u, ok := reader.Poll(); ok; u, ok = reader.Poll() {
		c.add(u)
	}
	if len(c.queue) != 1 || !c.queue[0].RandomAccess {
		t.Errorf("%d pictures are left", len(c.queue))
	}
}
