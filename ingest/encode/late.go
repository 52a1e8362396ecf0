package encode

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// That an encoder ran out of time says little of it where the machine has other work: at
// its start, when all streams begin at once. So such a trial is made again, soon and with
// more time, and meanwhile a program that made good pictures is better than none.
const (
	// soonFor is what comes between one that was taken without proof, or was not needed,
	// and its next trial; it doubles each time, up to badFor.
	soonFor = time.Minute
	// freeShare is how much of the processors nobody used on a machine that is not busy.
	freeShare = 0.15
	// fullShare is how much of a processor a program has that nobody keeps from it.
	fullShare = 0.8
)

// retryAfter is what comes between trials of an encoder that no stream can do without.
func retryAfter(tries int) time.Duration {
	pauses := [...]time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute}
	return pauses[min(max(tries, 1), len(pauses))-1]
}

// limitOf is how long a trial may take that comes after so many that ran out of time. A
// stream that has nothing else can wait; the others are not held up by a driver that hangs.
func limitOf(tries int, needed bool) time.Duration {
	limits := [...]time.Duration{trialTime, 3 * trialTime, 6 * trialTime}
	if !needed {
		return trialTime
	}
	return limits[min(tries, len(limits)-1)]
}

// due reports whether an encoder that ran out of time is to be tried again. needed says
// that there is no other one.
func (p proof) due(now time.Time, needed bool) bool {
	age := now.Sub(p.When)
	if age < 0 {
		return true
	}
	switch {
	case needed && !p.usable():
		return age >= retryAfter(p.Tries)
	case p.Free:
		return age >= badFor
	}
	return age >= min(soonFor<<min(max(p.Tries, 1)-1, 10), badFor)
}

// usable reports whether an encoder may be taken though it has not passed.
func (p proof) usable() bool { return p.Late && p.Pictures > 0 }

// attempt is what a trial of a variant saw.
type attempt struct {
	pictures  int           // good ones
	begin     time.Duration // until the first one
	fps       float64
	forces    bool
	cpu, wall time.Duration // that the child had, and that passed
	free      float64       // of the processors, which nobody used; below 0: unknown
}

// outOfTime reports whether an encoder failed by being late, and not by what it did.
func outOfTime(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, ErrHung) || errors.Is(err, ErrSlow) || errors.Is(err, context.DeadlineExceeded)
}

// late judges an attempt that did not reach what is wanted in time. It returns a proof
// with Late set if that may be the machine's doing, and false if it is the encoder's. err
// is what ended the attempt; nil: all pictures were made, too slowly.
func (k *kind) late(a attempt, v variant, want float64, err error) (proof, bool) {
	ended := err == nil
	busy := fmt.Sprintf("busy machine: %d of %d pictures within %s", a.pictures, trialPictures, a.wall.Round(100*time.Millisecond))
	if a.free >= 0 {
		busy += fmt.Sprintf(", with %.0f %% of the processors free", 100*a.free)
	}
	p := proof{Late: true, Variant: v.name, FPS: a.fps, Forces: a.forces, Begin: a.begin, Reason: busy}
	if k.hardware {
		p.FPS = 0
		if a.free >= 0 && a.free < freeShare {
			return p, true
		}
		// A driver may hang, and its program may only be slow to begin: from a slow card,
		// on a slow processor; as may be the one that decodes what was made.
		p.Free = true
		p.Reason = fmt.Sprintf("%d of %d pictures, and not done within %s", a.pictures, trialPictures, a.wall.Round(100*time.Millisecond))
		return p, !ended && (a.pictures == 0 || !errors.Is(err, ErrHung) && !errors.Is(err, ErrSlow))
	}
	threads := float64(max(v.threads, 1))
	share := math.Min(a.cpu.Seconds()/max(a.wall, time.Microsecond).Seconds()/threads, 1)
	p.Reason = fmt.Sprintf("busy machine: %d of %d pictures within %s, with %.0f %% of a processor for it",
		a.pictures, trialPictures, a.wall.Round(100*time.Millisecond), 100*share*threads)
	alone := a.fps / max(share, 0.01)                                  // pictures per second, had it all that it can use
	if !ended && (share >= fullShare || a.pictures == trialPictures) { // nobody was in its way: it, or what decodes it, may be slow to begin
		p.Reason = fmt.Sprintf("%d of %d pictures within %s, and not done in time", a.pictures, trialPictures, a.wall.Round(100*time.Millisecond))
	}
	switch fast := alone >= want; {
	case fast && ended && share < fullShare, !ended && (a.pictures == 1 || a.pictures > 1 && fast):
		p.Pictures = a.pictures
		return p, true
	case ended:
		return p, false // slow, with all the time that it needs
	}
	return p, true
}

// ticks are what the processors of the machine have done, all in all.
type ticks struct{ idle, all uint64 }

// processors reads them. Who waits for a disk is not idle: it is what keeps programs
// from beginning. Where the system does not tell, all is 0.
func processors() ticks {
	data, err := os.ReadFile("/proc/stat") // proc_stat(5)
	if err != nil {
		return ticks{}
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return parseTicks(line)
}

func parseTicks(line string) (t ticks) {
	fields := strings.Fields(line)
	if len(fields) < 6 || fields[0] != "cpu" {
		return ticks{}
	}
	for i, field := range fields[1:min(len(fields), 9)] { // what guests used is in what users did
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return ticks{}
		}
		if t.all += n; i == 3 {
			t.idle = n
		}
	}
	return t
}

// free returns which part of the processors nobody used since before; below 0: unknown.
func (t ticks) free(before ticks) float64 {
	if before.all == 0 || t.all <= before.all || t.idle < before.idle {
		return -1
	}
	return float64(t.idle-before.idle) / float64(t.all-before.all)
}
