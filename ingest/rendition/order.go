package rendition

import (
	"fmt"

	"github.com/camgate/camgate"
)

// BFrames is what to do with pictures that are shown before others that come earlier.
type BFrames string

// What there is to do. The empty BFrames leaves them as they are.
const (
	BFramesAuto   BFrames = "auto"   // left out where nothing needs them, else encoded
	BFramesDrop   BFrames = "drop"   // left out; where others need them, there is no rendition
	BFramesEncode BFrames = "encode" // the picture is encoded anew
)

// inOrder leaves pictures out that come too late to be shown in their order.
type inOrder struct {
	policy BFrames
	codec  camgate.Codec
	begun  bool
	newest int64 // PTS
	layer  int   // the highest temporal sub-layer of what is kept
}

// errReferenced is what the pictures are that nobody can leave out.
var errReferenced = fmt.Errorf("%w: B-frames that other pictures refer to", camgate.ErrUnsupportedCodec)

// keep tells whether a picture is shown. It fails with errReferenced for one that comes
// too late, and without which others cannot be decoded.
func (o *inOrder) keep(u *camgate.Unit) (bool, error) {
	late := o.begun && u.PTS <= o.newest
	if late && u.Discontinuity && u.RandomAccess {
		late = false // another time begins
	}
	needed, layer := needed(o.codec, u.AU)
	if !late {
		o.begun, o.newest, o.layer = true, u.PTS, max(o.layer, layer)
		return true, nil
	}
	if needed || layer < o.layer || o.policy == BFramesEncode {
		return false, errReferenced
	}
	return false, nil
}

// needed tells whether other pictures may be decoded from this one (ISO/IEC 14496-10
// 7.4.1, nal_ref_idc; ISO/IEC 23008-2 7.4.2.2, sub-layer non-reference pictures), and its
// temporal sub-layer: others above that layer may be.
func needed(c camgate.Codec, au [][]byte) (yes bool, layer int) {
	for _, nalu := range au {
		switch {
		case c == camgate.H264 && len(nalu) > 0:
			if kind := nalu[0] & 0x1f; kind >= 1 && kind <= 5 && nalu[0]&0x60 != 0 {
				return true, 0
			}
		case c == camgate.H265 && len(nalu) > 1:
			kind := nalu[0] >> 1 & 0x3f
			if kind > 31 { // no slice
				continue
			}
			layer = int(nalu[1]&7) - 1
			if kind > 14 || kind%2 == 1 {
				return true, layer
			}
		}
	}
	return c != camgate.H264 && c != camgate.H265, layer
}
