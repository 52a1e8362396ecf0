package fakecam

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

func FuzzRequest(f *testing.F) {
	f.Add([]byte("DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("\r\n\r\nOPTIONS * RTSP/1.0\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := readRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		if p := pathOf(req.url); strings.Contains(p, "?") {
			t.Errorf("path %q", p)
		}
		parseParams(req.header["authorization"])
	})
}

func FuzzParams(f *testing.F) {
	f.Add(`username="a\"b", realm="x, y=z", nc=00000001`)
	f.Fuzz(func(_ *testing.T, text string) { parseParams(text) })
}

func FuzzClip(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x08ftyp"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = loadClip(data) })
}

func TestParams(t *testing.T) {
	got := parseParams(`username="a\"b", realm="x, y=z",nc=00000001 , qop=auth`)
	for key, want := range map[string]string{"username": `a"b`, "realm": "x, y=z", "nc": "00000001", "qop": "auth"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}

// The size that a pattern has is the one in its SPS.
func TestPatternSPS(t *testing.T) {
	for _, p := range []pattern{{320, 180, 1, false}, {640, 360, 4, true}, {64, 48, 1, false}} {
		var sps h264.SPS
		if err := sps.Unmarshal(p.sps()); err != nil || sps.Width() != p.width || sps.Height() != p.height || sps.FPS() != patternFPS {
			t.Errorf("%+v: %dx%d at %v, %v", p, sps.Width(), sps.Height(), sps.FPS(), err)
		}
	}
}

// The tables of G.711 are those of another implementation.
func TestG711(t *testing.T) {
	for v := -32768; v < 32768; v += 7 {
		var a g711.Alaw
		var mu g711.Mulaw
		a.Unmarshal([]byte{alaw(v)})
		mu.Unmarshal([]byte{mulaw(v)})
		for name, decoded := range map[string][]byte{"A-law": a, "mu-law": mu} {
			got := int(int16(binary.BigEndian.Uint16(decoded)))
			// Half a step: 16 steps from a power of two to the next one.
			if d := max(got-v, v-got); d > max(v, -v)/32+8 && max(v, -v) < 32000 {
				t.Fatalf("%s: %d becomes %d", name, v, got)
			}
		}
	}
}
