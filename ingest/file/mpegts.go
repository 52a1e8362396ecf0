package file

import (
	"io"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

const (
	tsClock = 90000 // of all timestamps in MPEG-TS (ISO/IEC 13818-1, 2.4.3.7)
	// tsReorder is how much is read ahead, to bring the samples of all tracks into
	// the order in which they are due: multiplexers write them a little apart.
	tsReorder = 700 * time.Millisecond
)

// ts is a pass through an MPEG-TS file.
type ts struct {
	r       *mpegts.Reader
	list    []*camgate.Track
	clock   []mpegts.TimeDecoder
	last    []int64 // by track: DTS of its sample before
	step    []int64 // by track: ticks between its last two samples
	queue   []sample
	started bool
	end     bool
}

func openTS(r io.Reader) (recording, error) {
	t := &ts{r: &mpegts.Reader{R: r}}
	if err := t.r.Initialize(); err != nil {
		return nil, err
	}
	for _, track := range t.r.Tracks() {
		t.add(track)
	}
	return t, nil
}

func (t *ts) add(track *mpegts.Track) {
	var o camgate.TrackOptions
	id := len(t.list)
	switch c := track.Codec.(type) {
	case *codecs.H264:
		o.Codec = camgate.H264
		t.r.OnDataH264(track, func(pts, dts int64, au [][]byte) error { return t.put(id, pts, dts, au) })
	case *codecs.H265:
		o.Codec = camgate.H265
		t.r.OnDataH265(track, func(pts, dts int64, au [][]byte) error { return t.put(id, pts, dts, au) })
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil {
			return
		}
		o.Codec, o.Params = camgate.AAC, &camgate.Params{Config: config}
		frame := func() int64 { return rescale(mpeg4audio.SamplesPerAccessUnit, c.SampleRate, tsClock) }
		t.r.OnDataMPEG4Audio(track, func(pts int64, aus [][]byte) error {
			for i, au := range aus {
				at := pts + int64(i)*frame()
				if err := t.put(id, at, at, [][]byte{au}); err != nil {
					return err
				}
			}
			return nil
		})
	case *codecs.Opus:
		o.Codec, o.Channels = camgate.Opus, c.ChannelCount
		t.r.OnDataOpus(track, func(pts int64, packets [][]byte) error {
			for _, packet := range packets {
				if err := t.put(id, pts, pts, [][]byte{packet}); err != nil {
					return err
				}
				pts += rescale(opus.PacketDuration2(packet), 48000, tsClock)
			}
			return nil
		})
	default:
		return
	}
	made, err := ingest.NewTrack(o)
	if err != nil {
		return
	}
	t.list = append(t.list, made)
	t.clock = append(t.clock, mpegts.TimeDecoder{})
	t.last = append(t.last, 0)
	t.step = append(t.step, 0)
}

// put takes a sample from the demultiplexer, which has unwrapped nothing.
func (t *ts) put(id int, pts, dts int64, au [][]byte) error {
	if !t.started {
		t.started = true
		for i := range t.clock {
			t.clock[i].Decode(dts)
		}
	}
	ahead := pts - dts
	dts = t.clock[id].Decode(dts)
	if t.last[id] != 0 && dts > t.last[id] {
		t.step[id] = dts - t.last[id]
	}
	t.last[id] = dts
	s := sample{
		track: id,
		dts:   ticksToTime(dts, tsClock),
		end:   ticksToTime(dts+t.step[id], tsClock),
		pts:   rescale(dts+ahead, tsClock, t.list[id].ClockRate),
		au:    au,
	}
	at := len(t.queue)
	for at > 0 && t.queue[at-1].dts > s.dts {
		at--
	}
	t.queue = append(t.queue, sample{})
	copy(t.queue[at+1:], t.queue[at:])
	t.queue[at] = s
	return nil
}

func (t *ts) tracks() []*camgate.Track { return t.list }

func (t *ts) next() (sample, error) {
	for !t.end && (len(t.queue) == 0 || t.queue[len(t.queue)-1].dts-t.queue[0].dts < tsReorder) {
		// A damaged packet at the end of a file is its end, as io.EOF is.
		if err := t.r.Read(); err != nil {
			t.end = true
		}
	}
	if len(t.queue) == 0 {
		return sample{}, io.EOF
	}
	s := t.queue[0]
	t.queue = t.queue[1:]
	return s, nil
}
