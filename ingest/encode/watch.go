package encode

import (
	"context"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// The bounds of the watchdog.
const (
	startTime = 5 * time.Second         // until the first picture: ffmpeg may come from a slow card,
	maxStart  = 30 * time.Second        // and then take longer, as its trial has shown
	hangTime  = 1200 * time.Millisecond // without a picture, after that
	hangCount = 3                       // pictures that go in during that time
	maxLag    = time.Second             // that pictures may be in the encoder for
	slowTime  = 3 * time.Second         // that it may be behind for
	watchTick = 200 * time.Millisecond
	busyShare = 0.2 // of the time without work, below which an encoder is at its limit
	// brokenShare is of how many pictures that do not come out one at least is known to be
	// broken, if it is that which keeps them.
	brokenShare = 4
	// maxReorder is how many pictures a decoder may have to hold back to put them in
	// order (ISO/IEC 14496-10 annex A.3.1, ISO/IEC 23008-2 annex A.4.2).
	maxReorder = 16
)

// watch returns what is wrong with the encoder, or nil when ctx ends.
func (s *Session) watch(ctx context.Context) error {
	held := 2 // pictures that an encoder in good health may have
	if s.format.Codec != camgate.Raw && s.format.Codec != camgate.MJPEG {
		held += maxReorder
	}
	if s.format.Fields != "" {
		held++ // of which the next one tells what to make
	}
	t := time.NewTicker(watchTick)
	defer t.Stop()
	begin := time.Now()
	late, window := begin, time.Time{} // since when it is behind, and is measured
	var idle time.Duration
	var left int
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		now := time.Now()
		w := s.pending.state(now)
		switch {
		case w.left == 0 && w.entered > 0 && w.silent > s.patience && (w.entered > held || now.Sub(begin) > 2*s.patience && s.since.Load() == 0):
			return s.orInput(w, fmt.Errorf("%w: nothing of the first %d pictures within %v", errUnbegun, w.entered, w.silent.Round(watchTick)))
		case w.left > 0 && w.silent > s.hang && (w.pictures > held+hangCount || s.since.Load() == 0):
			return s.orInput(w, fmt.Errorf("%w: the last of %d pictures was %v ago", ErrHung, w.left, w.silent.Round(watchTick)))
		}
		waited := s.waited(now)
		if w.left == 0 || !w.behind(held, waited) {
			late = now
		} else if now.Sub(late) > s.slow {
			return fmt.Errorf("%w: %d pictures wait, the oldest for %v", ErrSlow, w.pictures, w.oldest.Round(watchTick))
		}
		// An encoder that is too slow for raw pictures gets fewer of them. That it has
		// nothing to wait for tells it from a camera that sends few.
		if w.left == 0 {
			window = time.Time{}
			continue
		}
		if window.IsZero() {
			window, idle, left = now, waited, w.left
		} else if d := now.Sub(window); d >= s.slow {
			rate, want := float64(w.left-left)/d.Seconds(), s.settings.rate(s.format)
			if (waited-idle).Seconds() < busyShare*d.Seconds() && rate < 0.9*want {
				return fmt.Errorf("%w: %.1f pictures per second instead of %.0f", ErrSlow, rate, want)
			}
			window, idle, left = now, waited, w.left
		}
	}
}

// orInput returns err, with which nothing comes out of an encoder, or ErrInput if that
// has nothing to encode. The decoder does not complain of each picture that it makes
// nothing of. But while an encoder hangs, it has no pictures to complain of.
func (s *Session) orInput(w waiting, err error) error {
	if brokenShare*s.broken.Load() >= int64(w.pictures) {
		return ErrInput
	}
	return err
}

// behind reports whether the oldest picture should have come out. held is how many a
// good encoder may hold back until more come; waited, for how long there were none, in all.
func (w waiting) behind(held int, waited time.Duration) bool {
	if w.pictures == 0 || w.oldest < maxLag {
		return false
	}
	// Few may be in it because there is no room for more. Then we wait, and not for a
	// picture.
	return w.pictures > held || w.oldest-(waited-w.idle) >= maxLag
}

// waited returns for how long there was no picture to encode.
func (s *Session) waited(now time.Time) time.Duration {
	d := time.Duration(s.idle.Load())
	if since := s.since.Load(); since != 0 {
		d += now.Sub(time.Unix(0, since))
	}
	return d
}
