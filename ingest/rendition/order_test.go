package rendition

import (
	"errors"
	"testing"

	"github.com/camgate/camgate"
)

func TestNeeded(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec camgate.Codec
		nalu  []byte
		needs bool
		layer int
	}{
		{"IDR", camgate.H264, []byte{0x65}, true, 0},
		{"reference", camgate.H264, []byte{0x41}, true, 0},
		{"no reference", camgate.H264, []byte{0x01}, false, 0},
		{"SEI alone", camgate.H264, []byte{0x06}, false, 0},
		{"TRAIL_R", camgate.H265, []byte{1 << 1, 1}, true, 0},
		{"TRAIL_N", camgate.H265, []byte{0, 1}, false, 0},
		{"RASL_N", camgate.H265, []byte{8 << 1, 1}, false, 0},
		{"RASL_R", camgate.H265, []byte{9 << 1, 1}, true, 0},
		{"TSA_N of a layer above", camgate.H265, []byte{2 << 1, 3}, false, 2},
		{"CRA", camgate.H265, []byte{21 << 1, 1}, true, 0},
		{"IDR", camgate.H265, []byte{19 << 1, 1}, true, 0},
		{"SPS alone", camgate.H265, []byte{33 << 1, 1}, false, 0},
		{"another codec", camgate.MJPEG, []byte{0xff}, true, 0},
		{"nothing", camgate.H264, nil, false, 0},
	} {
		if needs, layer := needed(c.codec, [][]byte{c.nalu}); needs != c.needs || layer != c.layer {
			t.Errorf("%s %s: %v in layer %d", c.codec, c.name, needs, layer)
		}
	}
}

func TestInOrder(t *testing.T) {
	type picture struct {
		pts  int64
		nalu byte
	}
	const ref, free = 0x41, 0x01
	for _, c := range []struct {
		name   string
		policy BFrames
		in     []picture
		kept   int
		err    bool
	}{
		{"in order", BFramesAuto, []picture{{0, 0x65}, {1, ref}, {2, free}, {3, ref}}, 4, false},
		{"B-frames", BFramesAuto, []picture{{0, 0x65}, {3, ref}, {1, free}, {2, free}, {6, ref}, {4, free}}, 3, false},
		{"pyramid", BFramesAuto, []picture{{0, 0x65}, {4, ref}, {2, ref}, {1, free}}, 2, true},
		{"pyramid, by drop", BFramesDrop, []picture{{0, 0x65}, {4, ref}, {2, ref}, {1, free}}, 2, true},
		{"to be encoded", BFramesEncode, []picture{{0, 0x65}, {2, ref}, {1, free}}, 2, true},
	} {
		o, kept := inOrder{policy: c.policy, codec: camgate.H264}, 0
		var err error
		for _, p := range c.in {
			var keep bool
			if keep, err = o.keep(&camgate.Unit{PTS: p.pts, AU: [][]byte{{p.nalu}}}); err != nil {
				break
			}
			if keep {
				kept++
			}
		}
		if kept != c.kept || errors.Is(err, errReferenced) != c.err {
			t.Errorf("%s: %d kept, %v", c.name, kept, err)
		}
	}
}
