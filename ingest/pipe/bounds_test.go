package pipe

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

func TestSplitBounds(t *testing.T) {
	noise := make([]byte, 3*maxUnit)
	for i := range noise {
		noise[i] = byte(i%254 + 1)
	}
	nul := make([]byte, 3*maxUnit)
	for _, tt := range []struct {
		name string
		in   []byte
		jpeg bool
		want string
	}{
		{name: "no start code", in: noise, want: "no H264"},
		{name: "a slice without end", in: append(stream(camgate.H264, "I"), noise...), want: "more than 8 MiB"},
		{name: "zeros without end", in: append(stream(camgate.H264, "I"), nul...), want: "more than 8 MiB"},
		{name: "a flood of slices", in: bytes.Repeat(stream(camgate.H264, "i"), 5000), want: "more than 2048 NAL units"},
		{name: "no JPEG", in: noise, jpeg: true, want: "no JPEG"},
		{name: "a JPEG without end", in: append([]byte("\xff\xd8\xff\xda\x00\x02"), nul...), jpeg: true, want: "more than 8 MiB"},
		{name: "beginnings only", in: bytes.Repeat([]byte("\xff\xd8\xff\x00"), 1<<20), jpeg: true, want: "no JPEG"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &window{}
			var s splitter = &h26x{window: w, codec: camgate.H264}
			if tt.jpeg {
				s = &jpegs{window: w}
			}
			_, err := split(t, s, w, tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if len(w.buf) > 4*maxUnit {
				t.Errorf("the window has %d bytes", len(w.buf))
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	for _, c := range []camgate.Codec{camgate.H264, camgate.H265} {
		f.Add(stream(c, ".V.S.PIiNn00DNEXSPIF"), c[3]-'4', uint16(9))
	}
	f.Add(made(f, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-s", "32x32", "-frames:v", "2", "-f", "mjpeg"), uint8(2), uint16(100))
	f.Fuzz(func(t *testing.T, in []byte, kind uint8, cut uint16) {
		run := func(pieces ...[]byte) string {
			w := &window{}
			var s splitter
			switch kind % 3 {
			case 0:
				s = &h26x{window: w, codec: camgate.H264}
			case 1:
				s = &h26x{window: w, codec: camgate.H265}
			case 2:
				s = &jpegs{window: w}
			}
			units, err := split(t, s, w, pieces...)
			at := 0
			for _, u := range units {
				for _, piece := range u.au {
					if kind%3 == 2 {
						piece = piece[:len(piece)-2] // the end may have been made up
					}
					i := bytes.Index(in[at:], piece)
					if i < 0 {
						t.Fatalf("%x is not in the input, or not in this order", piece)
					}
					at += i + len(piece)
				}
			}
			out := fmt.Sprint(err)
			for _, u := range units {
				out += fmt.Sprintf(" %x", u.au)
			}
			return out
		}
		n := min(int(cut), len(in))
		if n == 0 || n == len(in) {
			return // an empty piece would be silence
		}
		if whole, parts := run(in), run(in[:n], in[n:]); whole != parts {
			t.Errorf("whole %s\nparts %s", whole, parts)
		}
		run(in[:n], nil, in[n:], nil)
		detect(in)
	})
}
