package hls

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

var (
	partTarget = regexp.MustCompile(`PART-TARGET=([0-9.]+)`)
	holdBack   = regexp.MustCompile(`PART-HOLD-BACK=([0-9.]+)`)
	target     = regexp.MustCompile(`TARGETDURATION:([0-9]+)`)
	partTags   = regexp.MustCompile(`EXT-X-PART:DURATION=([0-9.]+)`)
	extinfs    = regexp.MustCompile(`EXTINF:([0-9.]+)`)
)

func seconds(t *testing.T, re *regexp.Regexp, body []byte) (out []float64) {
	t.Helper()
	for _, m := range re.FindAllSubmatch(body, -1) {
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// checkTargets checks a playlist's own durations against what it promises (RFC 8216bis
// sections 4.4.3.1, 4.4.3.7 and 4.4.3.8) and returns its part target.
func checkTargets(t *testing.T, body []byte) float64 {
	t.Helper()
	part := seconds(t, partTarget, body)[0]
	for _, d := range seconds(t, partTags, body) {
		if d > part {
			t.Fatalf("part of %v s, target %v:\n%s", d, part, body)
		}
	}
	for _, d := range seconds(t, extinfs, body) {
		if d >= seconds(t, target, body)[0]+0.5 {
			t.Fatalf("segment of %v s:\n%s", d, body)
		}
	}
	if seconds(t, holdBack, body)[0] < 2*part {
		t.Fatalf("PART-HOLD-BACK is too short:\n%s", body)
	}
	return part
}

// TestSlate: while the last picture is shown once a second the part target says so,
// and no longer than that is listed.
func TestSlate(t *testing.T) {
	for _, file := range []string{"h264-aac", "h264-small"} {
		inBubble(t, Options{}, func(t *testing.T, g *gateway) {
			c := load(t, file)
			g.wg.Go(func() {
				play(g.ctx, t, g.stream, c, 9*time.Second)
				for range 10 {
					time.Sleep(time.Second)
					g.stream.Repeat(g.stream.Units())
				}
				play(g.ctx, t, g.stream, c, forever)
			})
			var seen []float64 // part targets, in order
			for range 900 {
				time.Sleep(50 * time.Millisecond)
				part := checkTargets(t, []byte(g.get(t, mediaName)))
				if n := len(seen); n == 0 || seen[n-1] != part {
					seen = append(seen, part)
				}
			}
			if n := len(seen); n != 3 || seen[0] != seen[2] || seen[0] > 0.25 || seen[1] < 1 || seen[1] > 1.3 {
				t.Errorf("%s: part targets %v", file, seen)
			}
		})
	}
}

// TestSlowAtFirst: a stream that was slow when the first viewer came does not keep all
// who follow far from the live edge.
func TestSlowAtFirst(t *testing.T) {
	steps := bytes.Repeat([]byte{250, 250, 250, 250}, 3)
	for i := range 600 {
		if i%50 == 0 {
			steps = append(steps, 128+10)
		}
		steps = append(steps, 10) // 40 ms
	}
	if got := follow(t, steps); got > 0.25 {
		t.Errorf("part target %v", got)
	}
}

// FuzzTargets: whatever the pace of a source, playlists keep their promises.
func FuzzTargets(f *testing.F) {
	f.Add(bytes.Repeat([]byte{10}, 300))
	f.Add([]byte{10, 10, 10, 10, 10, 10, 250, 250, 250, 127, 127, 127, 10, 10, 10, 10, 138, 10, 10, 10})
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		b := make([]byte, 400)
		for i := range b {
			if b[i] = byte(rnd.IntN(30)); rnd.IntN(20) == 0 {
				b[i] = byte(rnd.IntN(256))
			}
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, steps []byte) { follow(t, steps[:min(len(steps), 400)]) })
}

// follow cuts pictures that are so many times 4 ms apart, and where the highest bit is
// set three times that, and keyframes. It checks all playlists and returns the last
// part target.
func follow(t *testing.T, steps []byte) (part float64) {
	t.Helper()
	c := load(t, "h264-small")
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.H264})
	if err != nil {
		t.Fatal(err)
	}
	m := newMuxer(newStream("cam"), Options{}.withDefaults(), &zipper{})
	m.cutter.begin([]*camgate.Track{track})
	at, begin := time.Duration(0), time.Now()
	var last *snapshot
	for i, step := range steps {
		gap := 4 * time.Millisecond * time.Duration(step&127)
		if step > 127 {
			gap *= 3
		}
		at += gap
		u := &camgate.Unit{
			Track: track, PTS: track.Ticks(at), NTP: begin.Add(at),
			AU: c.samples[0].AU, RandomAccess: i == 0 || step > 127,
		}
		_ = m.cutter.write(u) // what goes back is left out
		m.publish()
		if s := m.now.Load(); s != last && !s.empty() {
			last = s
			part = checkTargets(t, s.renderMedia(0, ""))
		}
	}
	return part
}
