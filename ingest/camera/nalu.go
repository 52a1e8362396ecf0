package camera

import "bytes"

// splitAnnexB cuts an access unit at its start codes (ISO/IEC 14496-10 annex B) into
// NAL units, without a copy; nil: there is none in it.
func splitAnnexB(b []byte) (out [][]byte) {
	code := []byte{0, 0, 1}
	start := bytes.Index(b, code)
	if start < 0 {
		return nil
	}
	for b = b[start+3:]; ; {
		next := bytes.Index(b, code)
		nalu := b
		if next >= 0 {
			nalu = b[:next]
		}
		// A NAL unit ends with a one: zeros belong to the next start code, or fill up.
		if nalu = bytes.TrimRight(nalu, "\x00"); len(nalu) > 0 {
			out = append(out, nalu)
		}
		if next < 0 {
			return out
		}
		b = b[next+3:]
	}
}
