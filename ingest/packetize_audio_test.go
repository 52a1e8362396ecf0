package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	rtpformat "github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/camgate/camgate"
)

func TestPacketizeAAC(t *testing.T) {
	const room = camgate.MaxPayload - 4
	var list []int
	for n := 1; n < 40; n++ {
		list = append(list, n)
	}
	for _, n := range []int{room, 2 * room, 3 * room, mpeg4audio.MaxAccessUnitSize - 1} {
		list = append(list, n-1, n, n+1)
	}
	for _, n := range list {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			frame := make([]byte, n)
			for i := range frame {
				frame[i] = byte(i%251 + 1)
			}
			frame[0] = 0x21
			pkts := packetize(t, packetizeAAC{}, [][]byte{frame})
			checkMarker(t, pkts)
			checkRuns(t, pkts, func(p []byte) (bool, bool) { return true, len(pkts) == 1 || len(p) != camgate.MaxPayload })
			d, err := (&rtpformat.MPEG4Audio{PayloadTyp: 96, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
				Config: &mpeg4audio.AudioSpecificConfig{Type: 2, SampleRate: 48000, ChannelConfig: 2}}).CreateDecoder()
			if err != nil {
				t.Fatal(err)
			}
			for i, pkt := range pkts {
				got, err := d.Decode(pkt)
				if i < len(pkts)-1 {
					if !errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded) {
						t.Fatalf("packet %d: %v", i, err)
					}
					continue
				}
				if err != nil || len(got) != 1 || !bytes.Equal(got[0], frame) {
					t.Fatalf("got %d frames, %v", len(got), err)
				}
			}
		})
	}
}

// The decoder above refuses frames that the payload format can name.
func TestPacketizeLargestAAC(t *testing.T) {
	frame := bytes.Repeat([]byte{1, 2, 3}, maxAAC/3+1)[:maxAAC]
	var got []byte
	pkts := packetize(t, packetizeAAC{}, [][]byte{frame})
	checkMarker(t, pkts)
	for i, pkt := range pkts {
		if !bytes.Equal(pkt.Payload[:4], []byte{0, 16, 0xff, 0xf8}) {
			t.Errorf("packet %d: AU header %x", i, pkt.Payload[:4])
		}
		got = append(got, pkt.Payload[4:]...)
	}
	if !bytes.Equal(got, frame) {
		t.Error("the fragments are not the frame")
	}
}

func TestPacketizePieces(t *testing.T) {
	au := [][]byte{{1, 2, 3}, {4}, bytes.Repeat([]byte{5}, camgate.MaxPayload)}
	tests := []struct {
		name       string
		packetizer camgate.Packetizer
		marker     bool
	}{
		{"whole", packetizeWhole{}, false},
		{"passed through sound", passThrough{}, false},
		{"passed through pictures", passThrough{marker: true}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pkts := packetize(t, tt.packetizer, au)
			if len(pkts) != len(au) {
				t.Fatalf("%d packets", len(pkts))
			}
			for i, pkt := range pkts {
				if !bytes.Equal(pkt.Payload, au[i]) || pkt.Marker != (tt.marker && i == len(au)-1) {
					t.Errorf("packet %d: marker %v, payload %x", i, pkt.Marker, pkt.Payload)
				}
			}
		})
	}
}
