package hls

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// clip is a file of testdata as samples in the order of their arrival.
type clip struct {
	options []camgate.TrackOptions
	samples []ingest.Sample
	length  time.Duration // of one round
}

// load reads testdata/NAME.ts.
func load(t testing.TB, name string) *clip {
	t.Helper()
	return loadFile(t, filepath.Join("testdata", name+".ts"))
}

// loadFile reads MPEG-TS of 4 s.
func loadFile(t testing.TB, file string) *clip {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := &mpegts.Reader{R: bytes.NewReader(data)}
	if err := r.Initialize(); err != nil {
		t.Fatal(err)
	}
	c := &clip{length: 4 * time.Second}
	add := func(track int, pts int64, rate int, au [][]byte) {
		c.samples = append(c.samples, ingest.Sample{Track: track, PTS: pts * int64(rate) / 90000, AU: au})
	}
	for i, tr := range r.Tracks() {
		switch codec := tr.Codec.(type) {
		case *tscodecs.H264:
			c.options = append(c.options, camgate.TrackOptions{Codec: camgate.H264})
			r.OnDataH264(tr, func(pts, _ int64, au [][]byte) error { add(i, pts, 90000, au); return nil })
		case *tscodecs.H265:
			c.options = append(c.options, camgate.TrackOptions{Codec: camgate.H265})
			r.OnDataH265(tr, func(pts, _ int64, au [][]byte) error { add(i, pts, 90000, au); return nil })
		case *tscodecs.MPEG4Audio:
			conf, err := codec.Config.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			rate := codec.Config.SampleRate
			c.options = append(c.options, camgate.TrackOptions{Codec: camgate.AAC, Params: &camgate.Params{Config: conf}})
			r.OnDataMPEG4Audio(tr, func(pts int64, aus [][]byte) error {
				for k, au := range aus {
					add(i, pts+int64(k)*1024*90000/int64(rate), rate, [][]byte{au})
				}
				return nil
			})
		case *tscodecs.Opus:
			c.options = append(c.options, camgate.TrackOptions{Codec: camgate.Opus, Channels: 1})
			r.OnDataOpus(tr, func(pts int64, packets [][]byte) error {
				for k, p := range packets {
					add(i, pts+int64(k)*1800, 48000, [][]byte{p})
				}
				return nil
			})
		default:
			t.Fatalf("%s: %T", file, codec)
		}
	}
	for r.Read() == nil {
	}
	// By decoding time, as a camera sends: a clip without B-frames by presentation
	// time; video keeps its order in any case.
	var newest time.Duration
	at := make([]time.Duration, len(c.samples))
	for i, sm := range c.samples {
		at[i] = c.at(t, sm)
		if c.kind(sm.Track) == camgate.Video {
			newest = max(newest, at[i])
			at[i] = newest
		}
	}
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	sorted := make([]ingest.Sample, len(order))
	for i, k := range order {
		sorted[i] = c.samples[k]
	}
	c.samples = sorted
	return c
}

func (c *clip) kind(track int) camgate.Kind {
	if o := c.options[track]; o.Codec == camgate.H264 || o.Codec == camgate.H265 {
		return camgate.Video
	}
	return camgate.Audio
}

// only keeps the tracks of one kind.
func (c *clip) only(kind camgate.Kind) *clip {
	out := &clip{length: c.length}
	index := map[int]int{}
	for i := range c.options {
		if c.kind(i) == kind {
			index[i] = len(out.options)
			out.options = append(out.options, c.options[i])
		}
	}
	for _, sm := range c.samples {
		if i, ok := index[sm.Track]; ok {
			sm.Track = i
			out.samples = append(out.samples, sm)
		}
	}
	return out
}

// turned is the clip beginning with its second half.
func (c *clip) turned(t testing.TB) *clip {
	half := c.length / 2
	out := &clip{options: c.options, length: c.length}
	var later []ingest.Sample
	first := c.at(t, c.samples[0])
	for _, sm := range c.samples {
		rate := int64(90000)
		if c.kind(sm.Track) == camgate.Audio {
			rate = 48000
		}
		if c.at(t, sm)-first >= half {
			sm.PTS -= int64(half/time.Second) * rate
			out.samples = append(out.samples, sm)
		} else {
			sm.PTS += int64(half/time.Second) * rate
			later = append(later, sm)
		}
	}
	out.samples = append(out.samples, later...)
	return out
}

func (c *clip) tracks(t testing.TB) []*camgate.Track {
	t.Helper()
	var out []*camgate.Track
	for _, o := range c.options {
		tr, err := ingest.NewTrack(o)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tr)
	}
	return out
}

func (c *clip) at(t testing.TB, sm ingest.Sample) time.Duration {
	rate := 90000
	switch o := c.options[sm.Track]; o.Codec {
	case camgate.AAC:
		rate = 48000
	case camgate.Opus:
		rate = 48000
	}
	return time.Duration(sm.PTS) * time.Second / time.Duration(rate)
}

func newStream(name string) *camgate.Stream {
	return camgate.NewRendition(name, camgate.StreamLimits{})
}

// play publishes the clip over and over until ctx ends or for the given time.
func play(ctx context.Context, t testing.TB, s *camgate.Stream, c *clip, length time.Duration) {
	w, err := ingest.NewWriter(s, c.tracks(t))
	if err != nil {
		t.Error(err)
		return
	}
	defer w.Close()
	begin := time.Now()
	first := c.at(t, c.samples[0])
	for round := 0; ; round++ {
		offset := time.Duration(round) * c.length
		for _, sm := range c.samples {
			due := c.at(t, sm) - first + offset
			if due >= length {
				return
			}
			select {
			case <-time.After(time.Until(begin.Add(due))):
			case <-ctx.Done():
				return
			}
			rate := int64(w.Tracks()[sm.Track].ClockRate)
			sm.PTS += int64(offset/time.Second) * rate
			if err := w.Write(sm); err != nil {
				t.Errorf("write: %v", err)
			}
		}
	}
}
