package file

import (
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

const (
	tsPacket = 188   // bytes (ISO/IEC 13818-1, 2.4.3.2)
	tsClock  = 90000 // of all timestamps in MPEG-TS (2.4.3.7)
	tsWrap   = 1 << 33
	// tsReorder is how much is read ahead, to bring the samples of all tracks into
	// the order in which they are due: multiplexers write them a little apart.
	tsReorder = 700 * tsClock / 1000
	// tsMaxQueue bounds the samples that are read ahead, tsMaxBytes their size.
	tsMaxQueue = 4096
	tsMaxBytes = 64 << 20
	// tsMaxGap and tsMaxBack bound the step between two samples of a track; over
	// that, another recording begins.
	tsMaxGap  = 10 * tsClock
	tsMaxBack = tsClock
)

// ts is a pass through an MPEG-TS file.
type ts struct {
	file io.ReadSeeker
	r    *mpegts.Reader
	list []*camgate.Track

	state    []tsTrack
	anchored bool  // the clocks count from one moment
	shift    int64 // of the recording that is read, against the first one
	queue    []tsSample
	bytes    int // in queue
	started  bool
	zero     int64 // when the first sample is due
	end      error // why nothing more can be read
}

// tsTrack is where a track is read; its times are in ticks of tsClock.
type tsTrack struct {
	clock mpegts.TimeDecoder
	seen  bool
	dts   int64 // of its sample before
	step  int64 // between its last two samples
	shift int64
}

// tsSample is a sample with its times in ticks of tsClock.
type tsSample struct {
	track           int
	dts, end, ahead int64
	au              [][]byte
	size            int
}

// isTS tells by the sync bytes of three packets, or as many as there are; the first
// one may be cut.
func isTS(head []byte) bool {
	for i := range min(tsPacket, len(head)) {
		n := 0
		for at := i; at < len(head) && head[at] == 0x47; at += tsPacket {
			n++
		}
		if n > 1 && i+n*tsPacket >= len(head) {
			return true
		}
	}
	return false
}

func openTS(r io.ReadSeeker) (recording, error) {
	t := &ts{file: r}
	if err := t.begin(); err != nil {
		return nil, err
	}
	return t, nil
}

// begin reads what tracks there are.
func (t *ts) begin() error {
	*t = ts{file: t.file, r: &mpegts.Reader{R: t.file}}
	if err := t.r.Initialize(); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends before all tracks are known")
		}
		return fmt.Errorf("MPEG-TS: %w", err)
	}
	for _, track := range t.r.Tracks() {
		t.add(track)
	}
	return nil
}

func (t *ts) rewind() error {
	before := len(t.list)
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
	}
	if err := t.begin(); err != nil {
		return fmt.Errorf("%w: %w", camgate.ErrUnsupportedCodec, err)
	}
	if len(t.list) != before {
		return fmt.Errorf("%w: the file has changed", camgate.ErrConnectionFailed)
	}
	return nil
}

// add takes a track into the pass if camgate can play it.
func (t *ts) add(track *mpegts.Track) {
	var o camgate.TrackOptions
	var listen func(id int)
	switch c := track.Codec.(type) {
	case *codecs.H264:
		o.Codec = camgate.H264
		listen = func(id int) {
			t.r.OnDataH264(track, func(pts, dts int64, au [][]byte) error { t.put(id, pts, dts, au); return nil })
		}
	case *codecs.H265:
		o.Codec = camgate.H265
		listen = func(id int) {
			t.r.OnDataH265(track, func(pts, dts int64, au [][]byte) error { t.put(id, pts, dts, au); return nil })
		}
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		if err != nil {
			return
		}
		o.Codec, o.Params = camgate.AAC, &camgate.Params{Config: config}
		listen = func(id int) {
			t.r.OnDataMPEG4Audio(track, func(pts int64, frames [][]byte) error {
				for i, frame := range frames {
					at := pts + rescale(int64(i)*mpeg4audio.SamplesPerAccessUnit, c.SampleRate, tsClock)
					t.put(id, at, at, [][]byte{frame})
				}
				return nil
			})
		}
	case *codecs.Opus:
		o.Codec, o.Channels = camgate.Opus, opusChannels(c)
		listen = func(id int) {
			t.r.OnDataOpus(track, func(pts int64, packets [][]byte) error {
				for _, packet := range packets {
					t.put(id, pts, pts, [][]byte{packet})
					pts += rescale(opus.PacketDuration2(packet), 48000, tsClock)
				}
				return nil
			})
		}
	default:
		return
	}
	made, err := ingest.NewTrack(o)
	if err != nil {
		return
	}
	t.list = append(t.list, made)
	t.state = append(t.state, tsTrack{})
	listen(len(t.list) - 1)
}

// put takes a sample from the demultiplexer, which has unwrapped nothing.
func (t *ts) put(id int, pts, dts int64, au [][]byte) {
	st := &t.state[id]
	ahead := (pts-dts+tsWrap/2)&(tsWrap-1) - tsWrap/2
	if !t.anchored {
		t.anchored = true
		for i := range t.state { // counted from one moment for all
			t.state[i].clock.Decode(dts)
		}
	}
	dts = st.clock.Decode(dts)
	if st.seen && !st.follows(dts+st.shift) {
		// Of several recordings in one file: all tracks go on in the same way.
		if !st.follows(dts + t.shift) {
			t.shift = st.dts + st.step - dts
		}
		st.shift = t.shift
	}
	dts += st.shift
	if st.seen && dts > st.dts {
		st.step = dts - st.dts
	}
	st.seen, st.dts = true, dts
	s := tsSample{track: id, dts: dts, end: dts + st.step, ahead: ahead, au: au}
	for _, b := range au {
		s.size += len(b)
	}
	t.bytes += s.size
	at := len(t.queue)
	for at > 0 && t.queue[at-1].dts > s.dts {
		at--
	}
	t.queue = append(t.queue, tsSample{})
	copy(t.queue[at+1:], t.queue[at:])
	t.queue[at] = s
}

// follows reports whether dts can be that of the sample after the last one.
func (st *tsTrack) follows(dts int64) bool {
	step := dts - st.dts
	return step >= -tsMaxBack && step <= tsMaxGap
}

func (t *ts) tracks() []*camgate.Track { return t.list }

func (t *ts) next() (sample, error) {
	for t.end == nil && !t.full() {
		t.end = t.r.Read()
	}
	if len(t.queue) == 0 {
		if errors.Is(t.end, io.EOF) {
			return sample{}, io.EOF
		}
		return sample{}, fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, t.end)
	}
	s := t.queue[0]
	t.queue[0] = tsSample{}
	t.queue = t.queue[1:]
	t.bytes -= s.size
	return t.sampleOf(s), nil
}

// full reports whether enough is read ahead.
func (t *ts) full() bool {
	n := len(t.queue)
	return n > 0 && t.queue[n-1].dts-t.queue[0].dts >= tsReorder || n >= tsMaxQueue || t.bytes >= tsMaxBytes
}

// sampleOf counts the times from that of the first sample.
func (t *ts) sampleOf(s tsSample) sample {
	if !t.started {
		t.started, t.zero = true, s.dts
	}
	s.dts, s.end = s.dts-t.zero, s.end-t.zero
	return sample{
		track: s.track,
		dts:   ticksToTime(s.dts, tsClock),
		end:   ticksToTime(s.end, tsClock),
		pts:   rescale(s.dts+s.ahead, tsClock, t.list[s.track].ClockRate),
		au:    s.au,
	}
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
