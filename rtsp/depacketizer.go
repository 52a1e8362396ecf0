package rtsp

import (
	"errors"
	"fmt"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/unpack"
)

// newDepacketizer makes the depacketizer for a track that came from the format of.
func newDepacketizer(of format.Format, t *camgate.Track, memory *unpack.Pool) unpack.Depacketizer {
	switch f := plain(of).(type) {
	case *format.H264:
		return unpack.H264(memory)
	case *format.H265:
		return unpack.H265(f.MaxDONDiff != 0, memory)
	case *format.MJPEG:
		return &pictures{}
	case *format.MPEG4Audio:
		rate := of.ClockRate()
		d := &aacUnits{ticks: ticksOf(f.Config, rate)}
		d.decode = (&rtpmpeg4audio.Decoder{
			SizeLength: f.SizeLength, IndexLength: f.IndexLength, IndexDeltaLength: f.IndexDeltaLength,
		}).Decode
		return d
	case *format.MPEG4AudioLATM:
		if rate := of.ClockRate(); t.Codec == camgate.AAC {
			d := &latm{frames: int(f.StreamMuxConfig.NumSubFrames) + 1}
			return &aacUnits{ticks: ticksOf(f.StreamMuxConfig.Programs[0].Layers[0].AudioSpecificConfig, rate), decode: d.decode}
		}
	}
	if d := unpack.For(t.Codec, memory); d != nil {
		return d
	}
	if t.Codec.Understood() || t.Kind == camgate.Audio && !markerEnds(t.Codec) {
		return unpack.Single{}
	}
	return &grouped{key: keyTest(t)}
}

// pictures are JPEG files (RFC 2435). One ends at the marker bit, or, with cameras
// that do not set it, when the timestamp changes.
type pictures struct {
	decoder rtpmjpeg.Decoder
	held    *rtp.Packet // the newest one, if it may turn out to be the last of its picture
	pts     int64       // of held
}

func (d *pictures) Push(pkt *rtp.Packet, pts int64, emit unpack.Emit) error {
	var err error
	if held := d.held; held != nil {
		// With something missing between them nobody knows what it was.
		held.Marker = held.Timestamp != pkt.Timestamp && held.SequenceNumber+1 == pkt.SequenceNumber
		d.held = nil
		err = d.decode(held, d.pts, emit)
	}
	if !pkt.Marker {
		d.held, d.pts = pkt, pts
		return err
	}
	return errors.Join(err, d.decode(pkt, pts, emit))
}

func (d *pictures) decode(pkt *rtp.Packet, pts int64, emit unpack.Emit) error {
	file, err := d.decoder.Decode(pkt)
	switch {
	case errors.Is(err, rtpmjpeg.ErrMorePacketsNeeded), errors.Is(err, rtpmjpeg.ErrNonStartingPacketAndNoPrevious):
		return nil
	case err != nil:
		return fmt.Errorf("JPEG: %w", err)
	}
	emit([][]byte{file}, pts, true)
	return nil
}

func (d *pictures) Reset() { *d = pictures{} }

// aacUnits are AAC frames, several of which may share a packet.
type aacUnits struct {
	decode func(*rtp.Packet) ([][]byte, error)
	ticks  int64 // of the track's clock, in a frame
}

func (d *aacUnits) Push(pkt *rtp.Packet, pts int64, emit unpack.Emit) error {
	frames, err := d.decode(pkt)
	switch {
	case errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded), errors.Is(err, rtpfragmented.ErrMorePacketsNeeded):
		return nil
	case err != nil:
		return fmt.Errorf("AAC: %w", err)
	}
	for i, frame := range frames {
		emit([][]byte{frame}, pts+int64(i)*d.ticks, true)
	}
	return nil
}

func (d *aacUnits) Reset() {} // the decoders look at sequence numbers themselves

// latm unwraps AAC frames from the elements of RFC 6416 section 6.1, of streams
// with one programme of one layer.
type latm struct {
	frames    int // in an element
	fragments rtpfragmented.Decoder
}

func (d *latm) decode(pkt *rtp.Packet) ([][]byte, error) {
	b, err := d.fragments.Decode(pkt)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	for range d.frames {
		// PayloadLengthInfo, ISO/IEC 14496-3 section 1.7.3: octets that are added up,
		// up to one that is not 255. Devices with frames of a fixed length, of which
		// the configuration would tell, are not known.
		size := 0
		for more := true; more; b = b[1:] {
			if len(b) == 0 {
				return nil, unpack.ErrTruncated
			}
			size += int(b[0])
			more = b[0] == 255
		}
		if size == 0 || size > len(b) {
			return nil, unpack.ErrTruncated
		}
		frames = append(frames, b[:size:size])
		b = b[size:]
	}
	return frames, nil
}

// isPlain reports whether a LATM stream has one programme of one layer, as all of
// RTP has, and is described outside of the stream.
func isPlain(f *format.MPEG4AudioLATM) bool {
	return !f.CPresent && len(f.StreamMuxConfig.Programs) == 1 && len(f.StreamMuxConfig.Programs[0].Layers) == 1
}
