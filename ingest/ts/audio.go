package ts

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/camgate/camgate"
)

// mpegAudio is MP2 and MP3, which pass as RTP has them (RFC 3551 section 4.5.13).
func mpegAudio() camgate.TrackOptions {
	return camgate.TrackOptions{Kind: camgate.Audio, Codec: "MPA", ClockRate: Clock, PayloadType: 14, RTPMap: "MPA/90000"}
}

// listenMPEG hands out the frames of a track, each with its own time.
func (d *Demuxer) listenMPEG(track *mpegts.Track, id int) {
	d.r.OnDataMPEG1Audio(track, func(pts int64, frames [][]byte) error {
		for _, frame := range frames {
			d.out(Sample{id, pts, pts, mpegPayloads(frame)})
			var h mpeg1audio.FrameHeader
			if err := h.Unmarshal(frame); err != nil {
				return nil //nolint:nilerr // the next frames say when they are themselves
			}
			pts += rescale(int64(h.SampleCount()), h.SampleRate, Clock)
		}
		return nil
	})
}

// mpegPayloads makes RTP payloads of a frame, each with where its part begins (RFC 2250
// section 3.5).
func mpegPayloads(frame []byte) (out [][]byte) {
	const header, room = 4, camgate.MaxPayload - 4
	for at := 0; at < len(frame); at += room {
		part := frame[at:min(at+room, len(frame))]
		p := binary.BigEndian.AppendUint32(make([]byte, 0, header+len(part)), uint32(at))
		out = append(out, append(p, part...))
	}
	return out
}

// leave notes that camgate cannot play a track of that codec.
func (d *Demuxer) leave(c codecs.Codec) {
	d.leftOut = append(d.leftOut, strings.TrimPrefix(fmt.Sprintf("%T", c), "*codecs."))
}

// LeftOut says which tracks there are that camgate cannot play; empty: none.
func (d *Demuxer) LeftOut() string {
	if len(d.leftOut) == 0 {
		return ""
	}
	return "what camgate cannot play is left out: " + strings.Join(d.leftOut, ", ")
}
