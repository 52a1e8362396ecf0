package camgate

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pion/rtp"
)

// listed is a Packetizer that makes the given packets, whatever the access unit.
type listed [][]byte

func (l listed) Packetize(w *PacketWriter, _ [][]byte) {
	for i, b := range l {
		w.Packet(i == len(l)-1)
		if len(b) > 0 {
			w.Bytes(b[0])
			w.Payload(b[1:])
		}
	}
}

func TestPackets(t *testing.T) {
	long := make([]byte, MaxPayload)
	for i := range long {
		long[i] = byte(i * 7)
	}
	tests := []struct {
		name    string
		packets listed
	}{
		{"none", nil},
		{"one", listed{{1, 2, 3}}},
		{"two", listed{{1, 2, 3}, {4}}},
		{"an empty one", listed{{}, {5}, {}}},
		{"the largest", listed{long, long[:1], long}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStream("test", StreamLimits{})
			first := videoTrack()
			track := NewTrack(TrackOptions{Kind: Audio, Codec: Opus, ClockRate: 48000, PayloadType: 111, Packetizer: tt.packets})
			if _, err := s.Start([]*Track{first, track}); err != nil {
				t.Fatal(err)
			}
			track.nextSeq = 0xfffe // wraps on the way
			u := &Unit{Track: track, PTS: -4800, Lost: 1}
			s.Publish(u)
			if u.FirstSeq() != 0xffff {
				t.Errorf("first sequence number is %#x, want the lost one left out", u.FirstSeq())
			}
			if u.PacketCount() != len(tt.packets) {
				t.Errorf("%d packets are announced, want %d", u.PacketCount(), len(tt.packets))
			}
			p := u.Packets()
			if p != u.Packets() {
				t.Error("made twice")
			}
			if p.Len() != len(tt.packets) {
				t.Fatalf("%d packets, want %d", p.Len(), len(tt.packets))
			}
			if cap(p.Wire) != len(p.Wire) {
				t.Errorf("%d bytes allocated for %d", cap(p.Wire), len(p.Wire))
			}
			wire := p.Wire
			for i, want := range tt.packets {
				marker := i == len(tt.packets)-1
				// The frame header, RFC 2326 section 10.12.
				n := int(binary.BigEndian.Uint16(wire[2:]))
				if wire[0] != '$' || wire[1] != 2 || n != RTPHeader+len(want) {
					t.Errorf("packet %d: frame header % x, want '$', channel 2, %d bytes", i, wire[:FrameHeader], RTPHeader+len(want))
				}
				if !bytes.Equal(p.Framed(i), wire[:FrameHeader+n]) || !bytes.Equal(p.RTP(i), wire[FrameHeader:FrameHeader+n]) {
					t.Errorf("packet %d is not cut from the wire where its frame header says", i)
				}
				var got rtp.Packet
				if err := got.Unmarshal(p.RTP(i)); err != nil {
					t.Fatalf("packet %d: %v", i, err)
				}
				header := rtp.Header{
					Version: 2, Marker: marker, PayloadType: 111, SequenceNumber: 0xffff + uint16(i),
					Timestamp: track.RTPTime(0) - 4800, SSRC: track.SSRC,
				}
				if diff := cmp.Diff(header, got.Header, cmpopts.EquateEmpty()); diff != "" || p.Marker(i) != marker {
					t.Errorf("packet %d: header (-want +got):\n%s", i, diff)
				}
				if !bytes.Equal(got.Payload, want) || !bytes.Equal(p.Payload(i), want) {
					t.Errorf("packet %d: payload % x, want % x", i, got.Payload, want)
				}
				if f := p.Framed(i); cap(f) != len(f) {
					t.Errorf("packet %d: an append to it would write to the next one", i)
				}
				wire = wire[FrameHeader+n:]
			}
			if len(wire) != 0 {
				t.Errorf("%d bytes behind the last packet", len(wire))
			}
			next := &Unit{Track: track}
			s.Publish(next)
			if want := 0xffff + uint16(len(tt.packets)); next.FirstSeq() != want {
				t.Errorf("the next Unit begins with %#x, want %#x", next.FirstSeq(), want)
			}
		})
	}
}

// What is announced before the packets are made is what they are, and together
// they are the access unit again.
func TestPacketCount(t *testing.T) {
	f := newFeed(t, StreamLimits{}, videoTrack())
	rng := rand.New(rand.NewPCG(1, 2))
	seq := f.tracks[0].nextSeq
	for range 300 {
		u := &Unit{Track: f.tracks[0], Lost: rng.IntN(3)}
		for range rng.IntN(4) {
			u.AU = append(u.AU, bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(5*MaxPayload)))
		}
		f.Publish(u)
		if seq += uint16(u.Lost); u.FirstSeq() != seq {
			t.Fatalf("sequence number %d, want %d", u.FirstSeq(), seq)
		}
		seq += uint16(u.PacketCount())
		p := u.Packets()
		var joined []byte
		for i := range p.Len() {
			if len(p.Payload(i)) > MaxPayload {
				t.Fatalf("payload of %d bytes", len(p.Payload(i)))
			}
			joined = append(joined, p.Payload(i)...)
		}
		if p.Len() != u.PacketCount() || !bytes.Equal(joined, bytes.Join(u.AU, nil)) || u.Size() != len(joined) {
			t.Fatalf("%d packets announced and %d made; %d bytes of %d", u.PacketCount(), p.Len(), len(joined), u.Size())
		}
	}
}

// Many ask for the packets at once: they are made once.
func TestPacketsAreShared(t *testing.T) {
	f := newFeed(t, StreamLimits{}, videoTrack())
	for range 50 {
		u := f.publish('K', 10000)
		got := make([]*byte, 8)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() { got[i] = &u.Packets().Wire[0] })
		}
		wg.Wait()
		for _, p := range got {
			if p != got[0] {
				t.Fatal("two viewers got different bytes")
			}
		}
	}
}
