package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate/internal/frameno"
)

const (
	frameTime = 40 * time.Millisecond // of the demo
	demoGOP   = 50 * frameTime
	demoLoop  = frameno.Count * frameTime
	// lateAt is when after its start a player's delay is looked at, for lateFor.
	lateAt, lateFor = 2 * time.Second, 800 * time.Millisecond
	// mayBeLater is how much older a picture may be than that of a player which
	// joined right on a keyframe.
	mayBeLater = 100 * time.Millisecond
)

// sight is a picture that a player showed.
type sight struct {
	at time.Time
	no int
}

// TestNotLateForEver joins at the beginning, in the middle and at the end of a GOP:
// two seconds later all players show the same, whatever they were given at first.
func TestNotLateForEver(t *testing.T) {
	g := start(t, demoConfig)
	g.awaitLive("demo")
	b := watchBeat(t, g)
	moments := []time.Duration{20 * time.Millisecond, 1000 * time.Millisecond, 1900 * time.Millisecond}
	for name, play := range map[string]func(*testing.T, *gateway, *beat, []time.Duration) [][]sight{
		"GStreamer": delaysByRTSP(gstSights), "mpv": delaysByRTSP(mpvSights), "Chromium": chromiumDelays,
	} {
		t.Run(name, func(t *testing.T) {
			seen := play(t, g, b, moments)
			first := b.lag(t, seen[0])
			for i, moment := range moments {
				lag := b.lag(t, seen[i])
				later := (lag-first+demoLoop*3/2)%demoLoop - demoLoop/2
				t.Logf("joined %s after a keyframe: shows pictures %s old, %s older than one that joined on it",
					moment, b.age(lag).Round(time.Millisecond), later.Round(time.Millisecond))
				if later > mayBeLater {
					t.Errorf("a player that joined %s after a keyframe stays %s behind one that joined on it, more than %s", moment, later, mayBeLater)
				}
			}
		})
	}
}

// beat knows when the stream's keyframes are.
type beat struct {
	keyframe atomic.Int64 // the last one, Unix ns
}

func watchBeat(t *testing.T, g *gateway) *beat {
	b := &beat{}
	openReader(t, g.rtspURL("demo"), "tcp", func(p *rtp.Packet) {
		if len(p.Payload) > 1 && p.Payload[0]&31 == 24 && p.Payload[3]&31 == 7 || p.Payload[0]&31 == 7 { // SPS first, STAP-A or alone
			b.keyframe.Store(time.Now().UnixNano())
		}
	})
	g.await("a keyframe went by that was not cached", 10*time.Second, func() bool {
		return b.keyframe.Load() != 0
	})
	began := b.keyframe.Load()
	g.await("there is another one", 5*time.Second, func() bool { return b.keyframe.Load() != began })
	return b
}

// next returns the moment that is so much after a keyframe, and not before the given time.
func (b *beat) next(after time.Duration, notBefore time.Time) time.Time {
	at := time.Unix(0, b.keyframe.Load()).Add(after)
	for at.Before(notBefore) {
		at = at.Add(demoGOP)
	}
	return at
}

// lag is how long after an imagined moment pictures were shown, by the median.
func (b *beat) lag(t *testing.T, seen []sight) time.Duration {
	t.Helper()
	if len(seen) < 5 {
		t.Fatalf("%d pictures seen, want more", len(seen))
	}
	var lags []time.Duration
	for _, s := range seen {
		lags = append(lags, (time.Duration(s.at.UnixNano())%demoLoop-time.Duration(s.no)*frameTime+demoLoop)%demoLoop)
	}
	for i := range lags { // all on one side of the loop's seam
		lags[i] = lags[0] + (lags[i]-lags[0]+demoLoop*3/2)%demoLoop - demoLoop/2
	}
	slices.Sort(lags)
	return lags[len(lags)/2]
}

// age is how old pictures of a lag are, less whole GOPs.
func (b *beat) age(lag time.Duration) time.Duration {
	published := time.Duration(b.keyframe.Load()) % demoGOP
	return ((lag-published)%demoGOP + demoGOP) % demoGOP
}

// delaysByRTSP runs one player for each moment, at once, and lets each join then.
func delaysByRTSP(play func(t *testing.T, url string, from, to time.Time) []sight) func(*testing.T, *gateway, *beat, []time.Duration) [][]sight {
	return func(t *testing.T, g *gateway, b *beat, moments []time.Duration) [][]sight {
		out := make([][]sight, len(moments))
		var wg sync.WaitGroup
		base := b.next(0, time.Now().Add(2*time.Second)) // programs take a while to start
		for i, moment := range moments {
			at := base.Add(moment)
			url := strings.Replace(g.rtspURL("demo"), fmt.Sprint(g.rtsp), fmt.Sprint(playAt(t, g.rtsp, at)), 1)
			wg.Go(func() { out[i] = play(t, url, at.Add(lateAt), at.Add(lateAt+lateFor)) })
		}
		wg.Wait()
		return out
	}
}

// chromiumDelays connects once for each moment, all in one page.
func chromiumDelays(t *testing.T, g *gateway, b *beat, moments []time.Duration) [][]sight {
	base := b.next(0, time.Now().Add(4*time.Second)) // the browser takes a while to start
	check := fmt.Sprintf("shown=/demo/whep@%d@%d", lateAt.Milliseconds(), lateFor.Milliseconds())
	for _, moment := range moments {
		check += fmt.Sprintf("@%d", base.Add(moment).UnixMilli())
	}
	r := browse(t, g, check)["shown"]
	if len(r.Players) != len(moments) {
		t.Fatalf("Chromium: %+v", r)
	}
	numbers := map[string]int{}
	for n := range frameno.Count {
		bits := ""
		for _, white := range frameno.Layout(n) {
			bits += map[bool]string{true: "1", false: "0"}[white]
		}
		numbers[bits] = n
	}
	out := make([][]sight, len(moments))
	for i, player := range r.Players {
		joined := time.UnixMicro(int64(player.Joined*1000)).Sub(time.Unix(0, b.keyframe.Load())) % demoGOP
		t.Logf("connected %s after a keyframe", (joined+demoGOP)%demoGOP)
		for _, s := range player.Shown {
			if no, ok := numbers[s.Bits]; ok {
				out[i] = append(out[i], sight{time.UnixMicro(int64(s.At * 1000)), no})
			}
		}
	}
	return out
}
