//go:build v4l2lab

package encode

import (
	"bytes"
	"testing"

	"github.com/camgate/camgate"
)

// TestLabDirect needs a V4L2 encoder: scripts/cameralab/lab.sh runs it in a virtual
// machine that has one.
func TestLabDirect(t *testing.T) {
	f := Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "yuv420p", FPS: 5}
	e := New(Options{})
	table := proven(t, e, Settings{Width: 320, Height: 240, FPS: 5})
	for _, p := range table {
		t.Logf("%+v", p)
		if p.Name == "h264_v4l2m2m" && !p.Works { // ffmpeg, with the same device
			t.Errorf("%s: %s", p.Name, p.Reason)
		}
	}
	list, err := e.Choose(t.Context(), f, Settings{})
	if err != nil || list[0].Name() != "v4l2m2m" || !list[0].ForcesKeyframes() {
		t.Fatal(list, err)
	}
	s, err := list[0].Open(f, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	got, keys := 0, 0
	err = s.Run(t.Context(), source(40, func(i int) Picture {
		if i == 12 {
			s.ForceKeyframe()
		}
		if i == 14 && !s.SetBitrate(500000) {
			t.Error("no other bit rate")
		}
		return Picture{Time: odd(i), AU: [][]byte{raw(t, f, i)}}
	}), func(p Picture) error {
		if p.Time != odd(got) || p.Key != (got == 0 || got == 12 || got == 32) {
			t.Errorf("picture %d: %v, keyframe %t", got, p.Time, p.Key)
		}
		if p.Key {
			keys++
		}
		for _, nalu := range p.AU {
			stream.Write([]byte{0, 0, 0, 1})
			stream.Write(nalu)
		}
		got++
		return nil
	})
	if err != nil || got != 40 {
		t.Errorf("%d pictures, %d keyframes, %v", got, keys, err)
	}
	if n := decode(t, "h264", stream.Bytes()); n != 40 {
		t.Errorf("%d can be decoded", n)
	}
}
