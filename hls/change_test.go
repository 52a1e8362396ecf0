package hls

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/camgate/camgate"
)

// samples reads a part with another implementation's parser and returns what it
// has by track.
func samples(t *testing.T, init, media string) map[int][]*fmp4.Sample {
	t.Helper()
	var in fmp4.Init
	if err := in.Unmarshal(bytes.NewReader([]byte(init))); err != nil {
		t.Fatalf("init: %v", err)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal([]byte(media)); err != nil {
		t.Fatalf("media: %v", err)
	}
	out := map[int][]*fmp4.Sample{}
	for _, p := range parts {
		for _, tr := range p.Tracks {
			if len(tr.Samples) == 0 {
				t.Error("a track without samples")
			}
			out[tr.ID] = append(out[tr.ID], tr.Samples...)
		}
	}
	return out
}

// TestPlaylist follows a stream for a minute and checks each playlist against the
// rules of RFC 8216bis and against the one before it.
func TestPlaylist(t *testing.T) {
	for _, name := range []string{"h264-aac", "h265-opus", "h264-bframes", "audio"} {
		t.Run(name, func(t *testing.T) {
			c := load(t, strings.Replace(name, "audio", "h264-aac", 1))
			if name == "audio" {
				c = c.only(camgate.Audio)
			}
			inBubble(t, Options{}, func(t *testing.T, g *gateway) {
				g.play(t, c)
				time.Sleep(3500 * time.Millisecond)
				m := g.media(t, "")
				if *m.ServerControl.PartHoldBack < 3*m.PartInf.PartTarget {
					t.Errorf("PART-HOLD-BACK %v, PART-TARGET %v", *m.ServerControl.PartHoldBack, m.PartInf.PartTarget)
				}
				media := map[string]string{}
				for range 300 {
					n := g.media(t, next(m))
					if n.TargetDuration != m.TargetDuration || n.PartInf.PartTarget != m.PartInf.PartTarget || n.Map.URI != m.Map.URI {
						t.Fatalf("targets or map changed: %+v %+v", m, n)
					}
					if n.MediaSequence < m.MediaSequence {
						t.Fatal("the media sequence went back")
					}
					var total time.Duration
					for i, s := range n.Segments {
						total += s.Duration
						if s.Duration.Seconds() >= float64(n.TargetDuration)+0.5 {
							t.Errorf("segment of %v, target %d s", s.Duration, n.TargetDuration)
						}
						if k := n.MediaSequence + i - m.MediaSequence; k < len(m.Segments) && m.Segments[k].URI != s.URI {
							t.Fatalf("segment %d is another one", n.MediaSequence+i)
						}
						if i > 0 && s.DateTime.Sub(*n.Segments[i-1].DateTime).Round(10*time.Millisecond) != n.Segments[i-1].Duration.Round(10*time.Millisecond) {
							t.Errorf("date and duration do not fit: %v %v", s.DateTime.Sub(*n.Segments[i-1].DateTime), n.Segments[i-1].Duration)
						}
						whole := ""
						for _, p := range s.Parts {
							if p.Duration > n.PartInf.PartTarget {
								t.Errorf("part of %v, target %v", p.Duration, n.PartInf.PartTarget)
							}
							whole += g.get(t, p.URI)
						}
						if body := g.get(t, s.URI); len(s.Parts) > 0 && whole != body {
							t.Errorf("%s is not the sum of its parts", s.URI)
						} else if old, ok := media[s.URI]; ok && old != body {
							t.Errorf("%s changed", s.URI)
						} else {
							media[s.URI] = body
						}
					}
					if total > 6*time.Second+2*time.Duration(n.TargetDuration)*time.Second {
						t.Errorf("%v are listed", total)
					}
					m = n
				}
				// All that was ever served, in order, without a hole and with nothing twice.
				checkTimeline(t, g.get(t, m.Map.URI), media, m.MediaSequence+len(m.Segments)-1)
			})
		})
	}
}

// checkTimeline reads segments up to the last one as one file.
func checkTimeline(t *testing.T, init string, media map[string]string, last int) {
	t.Helper()
	first := last - len(media) + 1
	ends := map[int]uint64{}
	count := map[int]int{}
	for n := first; n <= last; n++ {
		body, ok := media[name{fileSegment, uint64(n)}.String()]
		if !ok {
			t.Fatalf("segment %d was never listed", n)
		}
		var parts fmp4.Parts
		if err := parts.Unmarshal([]byte(body)); err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			for _, tr := range p.Tracks {
				if end, ok := ends[tr.ID]; ok && tr.BaseTime != end && n > first+2 {
					t.Errorf("track %d: segment %d begins at %d, the one before ends at %d", tr.ID, n, tr.BaseTime, end)
				}
				at := tr.BaseTime
				for _, s := range tr.Samples {
					at += uint64(s.Duration)
				}
				ends[tr.ID] = at
				count[tr.ID] += len(tr.Samples)
			}
		}
	}
	var in fmp4.Init
	if err := in.Unmarshal(bytes.NewReader([]byte(init))); err != nil {
		t.Fatal(err)
	}
	for _, tr := range in.Tracks {
		if count[tr.ID] < 1000 {
			t.Errorf("track %d: %d samples in a minute", tr.ID, count[tr.ID])
		}
	}
}

func TestWindow(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.live(t)
		m := g.media(t, "")
		oldest := m.Segments[0]
		held := func() int {
			lease, err := g.workers.Use(g.stream)
			if err != nil {
				t.Fatal(err)
			}
			defer lease.Release()
			s, n := lease.Worker.now.Load(), 0
			for _, list := range [][]*segment{s.segments, s.gone, {&s.open}} {
				for _, x := range list {
					n += len(x.parts)
				}
			}
			return n
		}
		for range 10 {
			time.Sleep(time.Second)
			if n := held(); n > 60 {
				t.Errorf("%d parts are held", n)
			}
		}
		for m = g.media(t, ""); m.Segments[0].URI == oldest.URI; m = g.media(t, "") {
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		if w := g.do(t.Context(), http.MethodGet, oldest.URI); w.Code != 404 {
			t.Errorf("a segment of long ago: %d", w.Code)
		}
		// One that was just taken off the list can still be had.
		m = g.media(t, "")
		time.Sleep(2 * time.Second)
		if n := g.media(t, ""); n.MediaSequence == m.MediaSequence {
			t.Error("the window does not move")
		}
		g.get(t, m.Segments[0].URI)
	})
}

// TestParameterChange: the picture changes its size within a session, and tracks
// change with a new one; players are told of both in the playlist that they have.
func TestParameterChange(t *testing.T) {
	big, small, other := load(t, "h264-aac").only(camgate.Video), load(t, "h264-small"), load(t, "h265-opus")
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.wg.Go(func() {
			play(g.ctx, t, g.stream, big, 7*time.Second)
			play(g.ctx, t, g.stream, small, 7*time.Second)
			play(g.ctx, t, g.stream, other, forever)
		})
		time.Sleep(5 * time.Second)
		before := g.get(t, indexName)
		g.get(t, mediaName)
		time.Sleep(4 * time.Second)
		body := g.get(t, mediaName)
		maps := strings.Count(body, "#EXT-X-MAP:")
		if maps != 2 || strings.Count(body, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:") != 1 {
			t.Errorf("after the change of parameters:\n%s", body)
		}
		if index := g.get(t, indexName); !strings.Contains(index, "RESOLUTION=160x90") || !strings.Contains(before, "RESOLUTION=320x180") {
			t.Errorf("before:\n%s\nafter:\n%s", before, index)
		}
		time.Sleep(7 * time.Second)
		body = g.get(t, mediaName)
		if strings.Count(body, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:") == 0 {
			t.Errorf("after the change of tracks:\n%s", body)
		}
		if index := g.get(t, indexName); !strings.Contains(index, "hvc1") || !strings.Contains(index, "opus") {
			t.Errorf("after the change of tracks:\n%s", index)
		}
		time.Sleep(20 * time.Second)
		body = g.get(t, mediaName)
		if strings.Contains(body, "#EXT-X-DISCONTINUITY\n") || !strings.Contains(body, "#EXT-X-DISCONTINUITY-SEQUENCE:2\n") {
			t.Errorf("long after:\n%s", body)
		}
		m := g.media(t, "")
		tracks := samples(t, g.get(t, m.Map.URI), g.get(t, m.Segments[0].URI))
		if len(tracks[1]) != 50 || len(tracks[2]) < 90 {
			t.Errorf("%d pictures and %d sounds in a segment of 2 s", len(tracks[1]), len(tracks[2]))
		}
	})
}

// TestSourceReturns: the source is away for a while; its return is a discontinuity
// and the numbers go on.
func TestSourceReturns(t *testing.T) {
	c := load(t, "h264-aac")
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.wg.Go(func() {
			play(g.ctx, t, g.stream, c, 5*time.Second)
			time.Sleep(8 * time.Second)
			play(g.ctx, t, g.stream, c, forever)
		})
		time.Sleep(3 * time.Second)
		m := g.media(t, "")
		parts, news := 0, 0
		for range 100 {
			n := g.media(t, next(m))
			if last := n.Parts; len(last) > 0 && (len(m.Parts) == 0 || last[len(last)-1].URI != m.Parts[len(m.Parts)-1].URI) {
				parts++
			}
			for i, s := range n.Segments {
				if s.Discontinuity && n.MediaSequence+i >= m.MediaSequence+len(m.Segments) {
					news++
				}
			}
			m = n
		}
		if parts < 50 || news != 1 {
			t.Errorf("%d parts seen, %d discontinuities", parts, news)
		}
	})
}

func TestLeftOut(t *testing.T) {
	p, err := choose(tracksOf(camgate.PCMA, camgate.H264, camgate.MJPEG, camgate.H265, camgate.Opus, camgate.AAC))
	if err != nil || len(p.tracks) != 2 || p.tracks[0].Codec != camgate.H264 || p.tracks[1].Codec != camgate.Opus || len(p.left) != 4 {
		t.Errorf("%v %+v", err, p)
	}
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		c := load(t, "h264-small")
		c.options = append(c.options, camgate.TrackOptions{Codec: camgate.PCMA})
		g.play(t, c)
		time.Sleep(3 * time.Second)
		w := g.do(t.Context(), http.MethodGet, indexName)
		if body := w.Body.String(); !strings.Contains(body, "\n# not served: PCMA: HLS cannot carry it\n") {
			t.Errorf("index:\n%s", body)
		}
		if missing := w.Header().Get(camgate.MissingHeader); missing != "PCMA: HLS cannot carry it" {
			t.Errorf("missing: %q", missing)
		}
	})
}

func tracksOf(codecs ...camgate.Codec) []*camgate.Track {
	var out []*camgate.Track
	for _, c := range codecs {
		kind := camgate.Audio
		if c.Decodable() {
			kind = camgate.Video
		}
		out = append(out, camgate.NewTrack(camgate.TrackOptions{Kind: kind, Codec: c}))
	}
	return out
}

// TestLacks: what HLS has no place for is made anew, but where there is another track of
// its kind.
func TestLacks(t *testing.T) {
	for _, c := range []struct {
		tracks []*camgate.Track
		want   camgate.Variant
	}{
		{tracksOf(camgate.H264, camgate.AAC), camgate.Variant{}},
		{tracksOf(camgate.VP9, camgate.Opus), camgate.Variant{}},
		{tracksOf(camgate.AV1), camgate.Variant{}},
		{tracksOf(camgate.VP8, camgate.Opus), camgate.Variant{Video: camgate.H264}},
		{tracksOf(camgate.MJPEG, camgate.PCMA), camgate.Variant{Video: camgate.H264, Audio: camgate.AAC}},
		{tracksOf(camgate.MJPEG, camgate.VP9, camgate.PCMU, camgate.AAC), camgate.Variant{}},
		{tracksOf(camgate.H265, camgate.G722), camgate.Variant{Audio: camgate.AAC}},
	} {
		if got := lacks(c.tracks); got != c.want {
			t.Errorf("%v: %v, want %v", c.tracks, got, c.want)
		}
	}
}

// TestDelta: a delta update leaves out old segments and nothing else.
func TestDelta(t *testing.T) {
	inBubble(t, Options{Window: 30 * time.Second}, func(t *testing.T, g *gateway) {
		g.live(t)
		time.Sleep(20 * time.Second)
		full, delta := g.get(t, mediaName), g.get(t, mediaName+"?_HLS_skip=YES")
		head, tail, ok := strings.Cut(delta, "#EXT-X-SKIP:SKIPPED-SEGMENTS=")
		count, tail, _ := strings.Cut(tail, "\n")
		if !ok || !strings.HasPrefix(full, head) || !strings.HasSuffix(full, tail) || strings.Contains(delta, "EXT-X-MAP") {
			t.Fatalf("full:\n%s\ndelta:\n%s", full, delta)
		}
		all, kept := strings.Count(full, "#EXTINF:"), strings.Count(tail, "#EXTINF:")
		if strconv.Itoa(all-kept) != count || kept != 6 { // six segments of 2 s: six target durations
			t.Errorf("%d segments, %d in the delta, %s left out", all, kept, count)
		}
	})
}
