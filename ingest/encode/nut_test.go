package encode

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// stream is what ffmpeg writes: 12 tiny pictures.
func nutStream12(t testing.TB) []byte {
	line := "-v error -f lavfi -i testsrc2=s=32x32:r=30 -frames:v 12 -threads 1 -c:v libx264 -preset ultrafast -tune zerolatency -g 5 -enc_time_base 1:10000 -f nut -write_index 0 -"
	out, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields(line)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNUT(t *testing.T) {
	data := nutStream12(t)
	in := newNUT(bytes.NewReader(data))
	for i := range 12 {
		p, err := in.next()
		if err != nil {
			t.Fatal(i, err)
		}
		if want := int64(i) * 10000 / 30; in.rescale(p.pts, second)/10 != want/10 && in.rescale(p.pts, second) != want+1 {
			t.Errorf("picture %d at %d, want %d", i, in.rescale(p.pts, second), want)
		}
		if p.key != (i%5 == 0) {
			t.Errorf("picture %d: keyframe %t", i, p.key)
		}
	}
	if _, err := in.next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for n := range data { // cut anywhere
		in := newNUT(bytes.NewReader(data[:n]))
		for {
			if _, err := in.next(); err != nil {
				if errors.Is(err, errNotNUT) {
					t.Fatalf("cut at %d: %v", n, err)
				}
				break
			}
		}
	}
	if _, err := newNUT(strings.NewReader(strings.Repeat("not what we know", 9))).next(); !errors.Is(err, errNotNUT) {
		t.Errorf("garbage: %v", err)
	}
}

func FuzzNUT(f *testing.F) {
	f.Add(nutStream12(f))
	f.Add([]byte(nutID))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := newNUT(bytes.NewReader(b))
		for total := 0; ; {
			p, err := in.next()
			if err != nil {
				return
			}
			if total += len(p.data); total > len(b)*1025 { // what is elided counts
				t.Fatal("more comes out than went in")
			}
		}
	})
}

func TestUnits(t *testing.T) {
	const sps, pps, idr, p, aud = "0000000167aa", "0000000168bb", "00000165cc", "00000141dd", "0000000109f0"
	u := units{codec: camgate.H264}
	for _, tt := range []struct {
		name, in, want string
		key            bool
		err            error
	}{
		{"keyframe without sets", idr, "", false, ErrGarbage},
		{"sets alone", sps + pps, "", false, nil},
		{"keyframe after them", aud + idr, "67aa 68bb 65cc", true, nil},
		{"with its own", aud + sps + pps + idr + idr, "67aa 68bb 65cc 65cc", true, nil},
		{"with some", "0000000168bc" + idr, "67aa 68bc 65cc", true, nil},
		{"picture", aud + p, "41dd", false, nil},
		{"nothing", "", "", false, nil},
		{"zeros", "0000000000000001", "", false, nil},
		{"trailing zeros", p + "000000", "41dd", false, nil},
	} {
		in, err := hex.DecodeString(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		au, key, err := u.take(in)
		var got []string
		for _, nalu := range au {
			got = append(got, hex.EncodeToString(nalu))
		}
		if s := strings.Join(got, " "); s != tt.want || key != tt.key || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %t, %v", tt.name, s, key, err)
		}
	}
}

func FuzzUnits(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 2}, uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, codec uint8) {
		u := units{codec: []camgate.Codec{camgate.H264, camgate.H265, camgate.MJPEG}[codec%3]}
		u.learn(b)
		for range 2 {
			au, key, err := u.take(bytes.Clone(b))
			if err == nil && key && len(au) == 0 {
				t.Fatal("a keyframe of nothing")
			}
			for _, nalu := range au {
				if len(nalu) == 0 {
					t.Fatal("an empty piece")
				}
			}
		}
	})
}
