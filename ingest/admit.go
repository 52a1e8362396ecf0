package ingest

import (
	"errors"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// admit checks a sample and brings it into the form in which it is published.
func (w *Writer) admit(t *camgate.Track, st *onTrack, sm *Sample) error {
	size, largest := 0, 0
	for _, b := range sm.AU {
		size += len(b)
		largest = max(largest, len(b))
	}
	switch {
	case size == 0:
		sm.AU = nil
		return nil
	case t.Codec == camgate.Raw && size <= maxRaw:
		sm.RandomAccess = true
		return nil
	case size > maxUnit:
		return fmt.Errorf("%s access unit of %d bytes: the limit is %d", t.Codec, size, maxUnit)
	case t.Codec == camgate.H264 || t.Codec == camgate.H265:
		if p := paramsFrom(t.Codec, t.Params(), sm.AU); p != t.Params() {
			t.SetParams(p)
		}
		e := entries{gradual: !st.keyed, intra: w.trusted && sm.RandomAccess ||
			st.waitKey && !st.waiting.IsZero() && time.Since(st.waiting) >= w.intake.Patience}
		au, key, ok := normalise(t.Codec, t.Params(), sm.AU, e)
		if !ok {
			sm.AU = nil // parameter sets or SEI on their own: noted above
			return nil
		}
		sm.AU, sm.RandomAccess = au, key
		st.keyed = st.keyed || key && hasKey(t.Codec, au)
	case t.Codec == camgate.VP8 || t.Codec == camgate.VP9 || t.Codec == camgate.AV1:
		sm.RandomAccess = isKeyframe(t.Codec, sm.AU)
		if sm.RandomAccess {
			if p := keyframeParams(t.Codec, t.Params(), sm.AU); p != t.Params() {
				t.SetParams(p)
			}
		}
	case t.Codec == camgate.AAC && size > maxAAC:
		return fmt.Errorf("AAC access unit of %d bytes: the limit is %d", size, maxAAC)
	case t.Codec == camgate.MJPEG:
		return w.admitJPEG(t, sm)
	case t.Codec != camgate.AAC && largest > maxPiece:
		return fmt.Errorf("%s packet of %d bytes: the limit is %d", t.Codec, largest, maxPiece)
	}
	if t.Kind != camgate.Video {
		sm.RandomAccess = true
	}
	return nil
}

// admitJPEG also notes whether RTP can carry the picture, as far as its headers tell.
func (w *Writer) admitJPEG(t *camgate.Track, sm *Sample) error {
	width, height, ok := jpegSize(sm.AU[0])
	if !ok {
		return errors.New("MJPEG: the access unit is no JPEG file")
	}
	sm.RandomAccess = true
	_, _, why := readJPEG(sm.AU[0])
	if p := t.Params(); p.Width != width || p.Height != height || p.NoRTP != why {
		t.SetParams(&camgate.Params{Width: width, Height: height, Profile: "JPEG", NoRTP: why})
		w.warnOfRTP(why)
	}
	return nil
}

// warnOfRTP says why viewers by RTSP see nothing; empty: they do.
func (w *Writer) warnOfRTP(why string) {
	if why != "" {
		why = "RTSP viewers get no picture, as RTP cannot carry these JPEG files (RFC 2435): " + why
	}
	w.stream.Warn("rtp", why)
}
