// Package ts takes MPEG transport streams apart (ISO/IEC 13818-1), and receives them
// by UDP.
package ts

import (
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// The units of a transport stream.
const (
	Packet = 188   // bytes (2.4.3.2)
	Clock  = 90000 // ticks a second of all timestamps (2.4.3.7)
	// Wrap is where timestamps begin anew.
	Wrap = 1 << 33
)

// Sample is an access unit.
type Sample struct {
	Track    int   // index in Demuxer.Tracks
	PTS, DTS int64 // in ticks of Clock; they wrap
	AU       [][]byte
}

// Demuxer takes a transport stream apart.
type Demuxer struct {
	r      *mpegts.Reader
	tracks []*camgate.Track
	pids   []uint16 // by track
	out    func(Sample)

	leftOut []string // tracks, in words
}

// NewDemuxer reads what tracks there are. It fails with io.EOF when the stream ends
// before that. Read hands the samples of those that camgate can play to out.
func NewDemuxer(r io.Reader, out func(Sample)) (d *Demuxer, err error) {
	defer func() { err = broken(recover(), err) }()
	d = &Demuxer{r: &mpegts.Reader{R: r}, out: out}
	if err := d.r.Initialize(); err != nil {
		return nil, err
	}
	for _, track := range d.r.Tracks() {
		d.add(track)
	}
	return d, nil
}

// broken makes an error of a stream that takes the library by surprise: that is no
// reason to end the gateway.
func broken(panicked any, err error) error {
	if panicked != nil {
		return fmt.Errorf("the stream is broken: %v", panicked)
	}
	return err
}

// Tracks are those that camgate can play.
func (d *Demuxer) Tracks() []*camgate.Track { return d.tracks }

// Read reads on until the next access unit is complete, or something else is.
func (d *Demuxer) Read() (err error) {
	defer func() { err = broken(recover(), err) }()
	return d.r.Read()
}

// add takes a track if camgate can play it.
func (d *Demuxer) add(track *mpegts.Track) {
	var o camgate.TrackOptions
	id := len(d.tracks)
	video := func(pts, dts int64, au [][]byte) error {
		d.out(Sample{id, pts, dts, au})
		return nil
	}
	var listen func()
	switch c := track.Codec.(type) {
	case *codecs.H264:
		o.Codec, listen = camgate.H264, func() { d.r.OnDataH264(track, video) }
	case *codecs.H265:
		o.Codec, listen = camgate.H265, func() { d.r.OnDataH265(track, video) }
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil || c.SampleRate <= 0 {
			d.leave(c)
			return
		}
		o.Codec, o.Params = camgate.AAC, &camgate.Params{Config: config}
		listen = func() {
			d.r.OnDataMPEG4Audio(track, func(pts int64, frames [][]byte) error {
				for i, frame := range frames {
					at := pts + rescale(int64(i)*mpeg4audio.SamplesPerAccessUnit, c.SampleRate, Clock)
					d.out(Sample{id, at, at, [][]byte{frame}})
				}
				return nil
			})
		}
	case *codecs.Opus:
		o.Codec, o.Channels = camgate.Opus, opusChannels(c)
		listen = func() {
			d.r.OnDataOpus(track, func(pts int64, packets [][]byte) error {
				for _, packet := range packets {
					d.out(Sample{id, pts, pts, [][]byte{packet}})
					pts += rescale(opus.PacketDuration2(packet), 48000, Clock)
				}
				return nil
			})
		}
	case *codecs.MPEG1Audio:
		o, listen = mpegAudio(), func() { d.listenMPEG(track, id) }
	default:
		d.leave(c)
		return
	}
	made, err := ingest.NewTrack(o)
	if err != nil {
		d.leave(track.Codec)
		return
	}
	d.tracks = append(d.tracks, made)
	d.pids = append(d.pids, track.PID)
	listen()
}

// opusChannels reads the descriptor of an Opus track; a channel configuration of
// up to 8 names the number of channels, 0 is dual mono (ETSI TS Opus 0.1.3-draft).
func opusChannels(c *codecs.Opus) int {
	switch {
	case c.Desc == nil || c.Desc.ChannelConfigCode == 0:
		return 2
	case c.Desc.ChannelConfigCode <= 8:
		return int(c.Desc.ChannelConfigCode)
	}
	return max(c.Desc.ExplicitChannelCount, 1)
}

// rescale converts ticks of one clock rate into another one, rounded.
func rescale(ticks int64, from, to int) int64 {
	f, t := int64(from), int64(to)
	whole, rest := ticks/f, ticks%f
	if rest < 0 {
		whole, rest = whole-1, rest+f
	}
	return whole*t + (rest*t+f/2)/f
}
