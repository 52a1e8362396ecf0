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
