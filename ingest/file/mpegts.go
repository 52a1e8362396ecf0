package file

import (
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/ts"
)

const (
	tsPacket = ts.Packet
	tsClock  = ts.Clock
	tsWrap   = ts.Wrap
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

// tsFile is a pass through an MPEG-TS file.
type tsFile struct {
	file io.ReadSeeker
	r    *ts.Demuxer

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
	t := &tsFile{file: r}
	if err := t.begin(); err != nil {
		return nil, err
	}
	return t, nil
}

// begin reads what tracks there are.
func (t *tsFile) begin() error {
	*t = tsFile{file: t.file}
	var err error
	if t.r, err = ts.NewDemuxer(t.file, t.put); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it ends before all tracks are known")
		}
		return fmt.Errorf("MPEG-TS: %w", err)
	}
	t.state = make([]tsTrack, len(t.r.Tracks()))
	return nil
}

func (t *tsFile) rewind() error {
	before := len(t.state)
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
	}
	if err := t.begin(); err != nil {
		return fmt.Errorf("%w: %w", camgate.ErrUnsupportedCodec, err)
	}
	if len(t.state) != before {
		return fmt.Errorf("%w: the file has changed", camgate.ErrConnectionFailed)
	}
	return nil
}

// put takes a sample from the demultiplexer, which has unwrapped nothing.
func (t *tsFile) put(sm ts.Sample) {
	st, dts := &t.state[sm.Track], sm.DTS
	ahead := (sm.PTS-dts+tsWrap/2)&(tsWrap-1) - tsWrap/2
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
	s := tsSample{track: sm.Track, dts: dts, end: dts + st.step, ahead: ahead, au: sm.AU}
	for _, b := range sm.AU {
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

func (t *tsFile) tracks() []*camgate.Track { return t.r.Tracks() }

func (t *tsFile) leftOut() string { return t.r.LeftOut() }

func (t *tsFile) next() (sample, error) {
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
func (t *tsFile) full() bool {
	n := len(t.queue)
	return n > 0 && t.queue[n-1].dts-t.queue[0].dts >= tsReorder || n >= tsMaxQueue || t.bytes >= tsMaxBytes
}

// sampleOf counts the times from that of the first sample.
func (t *tsFile) sampleOf(s tsSample) sample {
	if !t.started {
		t.started, t.zero = true, s.dts
	}
	s.dts, s.end = s.dts-t.zero, s.end-t.zero
	return sample{
		track: s.track,
		dts:   ticksToTime(s.dts, tsClock),
		end:   ticksToTime(s.end, tsClock),
		pts:   rescale(s.dts+s.ahead, tsClock, t.r.Tracks()[s.track].ClockRate),
		au:    s.au,
	}
}
