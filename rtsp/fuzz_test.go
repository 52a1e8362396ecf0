package rtsp

import (
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/camgate/camgate/ingest/unpack"
)

// Whatever comes in packets, no depacketizer panics, holds more than its bound, or
// emits nothing.
func FuzzDepacketizer(f *testing.F) {
	f.Add(uint8(0), []byte("\x05\x00\x01\x65\x01\x02\x03"))
	f.Add(uint8(0), []byte("\x04\x00\x01\x7c\x85\x02\x04\x01\x01\x7c\x45\x03"))
	f.Add(uint8(1), []byte("\x06\x00\x01\x62\x01\x93\x02\x03"))
	f.Add(uint8(2), []byte("\x0a\x00\x01\x00\x10\x00\x08\xaa"))
	f.Add(uint8(3), []byte("\x10\x00\x01\x00\x00\x00\x00\x01\x10\x08\x08aaaaaaaa"))
	f.Add(uint8(4), []byte("\x05\x00\x01\x02\x01\x02"))
	config := &mpeg4audio.AudioSpecificConfig{Type: 2, SampleRate: 44100, ChannelConfig: 2}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		all := []unpack.Depacketizer{
			unpack.H264(nil), unpack.H265(false, nil),
			newDepacketizer(&format.MPEG4Audio{Config: config, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}, nil, nil),
			&pictures{}, &aacUnits{ticks: 1024, decode: (&latm{frames: 2}).decode},
			unpack.H265(true, nil), unpack.Single{},
			&grouped{key: func(b []byte) bool { return keyMPEG4(b) || keyMPEG1(b) }},
		}
		d := all[int(kind)%len(all)]
		// Packets are length, sequence step, flags (marker, timestamp step), payload.
		var seq uint16
		var ts uint32
		for len(data) >= 3 {
			n := min(int(data[0]), len(data)-3)
			seq += uint16(data[1])
			ts += uint32(data[2] >> 1)
			p := pkt(seq, ts, data[2]&1 != 0, data[3:3+n]...)
			data = data[3+n:]
			_ = d.Push(p, int64(ts), func(au [][]byte, _ int64, _ bool) {
				if len(au) == 0 {
					t.Error("an access unit of nothing")
				}
			})
		}
		d.Reset()
	})
}
