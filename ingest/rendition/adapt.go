package rendition

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/camgate/camgate"
)

// Adaptive bounds a bitrate that follows what the viewers' networks carry, in bit/s.
// The zero value is one that stays.
type Adaptive struct{ Min, Max int }

// How a bitrate follows losses: down at once, up slowly. A viewer that loses packets
// sends again for them, so that what is lost for a moment says little. Where it is known
// what gets through, it goes down to a part of that in one step.
const (
	spared    = 0.2  // share of the viewers, the worst ones, that nobody suffers for
	heavyLoss = 0.10 // of the packets
	someLoss  = 0.04
	noLoss    = 0.01
	heavyStep = 0.7
	someStep  = 0.85
	upStep    = 1.15
	room      = 0.85            // of what gets through: sound and repairs have to, too, and the queue is to end
	downEvery = 4 * time.Second // reports come every second or so, and tell of the past
	upEvery   = 10 * time.Second
	reportAge = 10 * time.Second // after which a report says nothing any more
)

// follower decides on a bitrate.
type follower struct {
	bounds  Adaptive
	bitrate int
	changed time.Time // when the bitrate was, or a loss was seen
}

func newFollower(bounds Adaptive, bitrate int, now time.Time) *follower {
	if bitrate == 0 {
		bitrate = bounds.Max
	}
	return &follower{bounds: bounds, bitrate: min(max(bitrate, bounds.Min), bounds.Max), changed: now}
}

// follow takes what each viewer says of its network, and returns the bitrate.
func (f *follower) follow(now time.Time, all []camgate.Reception) int {
	worst := f.judge(all)
	loss, since := worst.Lost, now.Sub(f.changed)
	step := 1.0
	switch {
	case loss >= someLoss && since < downEvery:
		return f.bitrate
	case loss >= heavyLoss:
		step = heavyStep
	case loss >= someLoss:
		step = someStep
	case loss > noLoss:
		f.changed = now // it is as much as it carries
		return f.bitrate
	case since >= upEvery:
		step = upStep
	}
	want := float64(f.bitrate) * step
	if worst.Carries > 0 && step < 1 {
		want = min(want, room*worst.Carries)
	}
	next := min(max(int(math.Round(want)), f.bounds.Min), f.bounds.Max)
	if next != f.bitrate {
		f.bitrate, f.changed = next, now
	}
	return f.bitrate
}

// judge is the viewer to go by: the worst one when there are few, and else the worst but a
// fifth. One without losses for nobody.
func (f *follower) judge(all []camgate.Reception) camgate.Reception {
	if len(all) == 0 {
		return camgate.Reception{}
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b camgate.Reception) int { return cmp.Compare(a.Lost, b.Lost) })
	skip := int(spared * float64(len(sorted)))
	return sorted[len(sorted)-1-skip]
}

// rigid tells of a bitrate that was to follow the viewers and does not: the
// camera makes the picture itself, and to encode that anew has to be wanted.
func (s *Source) rigid(main *camgate.Track) string {
	if s.adaptive.Max == 0 || main == nil {
		return ""
	}
	return "adaptive has no effect: the camera makes " + string(main.Codec) + " itself, which goes through as it is"
}

// settings are what is wanted now.
func (e *encoding) settings() (Settings, <-chan struct{}) {
	settings, changed := e.source.Settings()
	if bounds := e.source.adaptive; bounds.Max > 0 && settings.encoded().Codec != camgate.MJPEG {
		if e.follower == nil || e.base != settings.Bitrate {
			e.follower, e.base = newFollower(bounds, settings.Bitrate, time.Now()), settings.Bitrate
		}
		settings.Bitrate = e.follower.bitrate
	}
	return settings, changed
}

// adapt lets the bitrate follow what viewers report.
func (e *encoding) adapt(now time.Time) {
	if e.follower == nil {
		return
	}
	all := e.stream.Receptions(now.Add(-reportAge))
	before := e.follower.bitrate
	if bitrate := e.follower.follow(now, all); bitrate != before {
		e.source.log.Info("bitrate follows the viewers", "bitrate", bitrate, "before", before, "reports", len(all))
	}
}
