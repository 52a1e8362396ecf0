package sound

import (
	"math"
	"time"
)

// timeline puts samples where their timestamps say, and cuts them into the frames of
// the encoder. Timestamps of a source are as good as its clock, and their jitter is not
// to be heard; so what they say is averaged, and followed by bending the rate.
type timeline struct {
	rate int // of the samples that come
	enc  encoder
	res  *resampler
	hist patch
	n    *Counters

	begun  bool
	anchor time.Duration // when the first sample was heard
	made   int64         // samples handed to the encoder since
	ready  planes        // samples for it, fewer than a frame between two calls

	broken bool       // a unit could not be decoded
	late   float64    // how much later the timestamps are, on average, in seconds
	recent [4]float64 // the same, of the last units
	seen   int
}

const (
	// jump is the distance from which nothing is filled or cut: it begins anew.
	jumpAhead, jumpBack = 2.0, 0.5
	// A hole, or what is there twice, is believed at once when it is that long, else when
	// all recent units say so.
	plain, apparent = 0.060, 0.008
	// The rate is bent from bendFrom on, until bendTo, by no more than maxBend: a thirtieth
	// of a semitone.
	bendFrom, bendTo, maxBend = 0.003, 0.0004, 0.002
	bendTime                  = 2.0 // seconds to make up for the difference
	average                   = 1.0 // seconds
)

func newTimeline(rate, channels int, enc encoder, n *Counters) *timeline {
	l := &timeline{rate: rate, enc: enc, res: newResampler(rate, enc.rate(), channels), n: n}
	l.ready.reset(channels)
	l.hist = newPatch(rate, channels)
	return l
}

// write takes the samples of a unit, which it may change.
func (l *timeline) write(at time.Duration, in *planes, lost bool, out Out) error {
	lost = lost || l.broken
	l.broken = false
	if !l.begun {
		l.begin(at)
	}
	diff := at.Seconds() - l.due()
	if diff > jumpAhead || diff < -jumpBack {
		l.n.Jumps++
		if err := l.drain(out); err != nil {
			return err
		}
		l.begin(at)
		diff = 0
	}
	duration := float64(in.len()) / float64(l.rate)
	step := l.judge(diff, duration, lost)
	switch {
	case step > 0:
		l.n.Filled += seconds(step)
		l.hist.fill(int(math.Round(step*float64(l.rate))), func(p [][]float32) { l.res.push(p, l.ready.of) })
	case step < 0:
		n := min(int(math.Round(-step*float64(l.rate))), in.len())
		l.n.Cut += seconds(float64(n) / float64(l.rate))
		for c := range in.of {
			in.of[c] = in.of[c][:copy(in.of[c], in.of[c][n:])]
		}
		l.hist.cut()
	default:
		l.bend(diff, duration)
	}
	l.hist.join(in.of)
	l.res.push(in.of, l.ready.of)
	return l.encode(out)
}

// begin starts with a sample that is heard at that time.
func (l *timeline) begin(at time.Duration) {
	l.begun, l.anchor, l.made = true, at, 0
	l.late, l.seen = 0, 0
	l.res.reset()
	l.hist.open = true // what was before has faded away
}

// due is when the next sample that comes would be heard, as things stand.
func (l *timeline) due() float64 {
	return l.time(l.made+int64(l.ready.len())).Seconds() + l.res.pending()
}

// time of a sample by its number.
func (l *timeline) time(n int64) time.Duration {
	rate := int64(l.enc.rate())
	return l.anchor + time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}

// judge tells what is missing (positive) or too much before a unit, in seconds.
func (l *timeline) judge(diff, duration float64, lost bool) float64 {
	l.recent[l.seen%len(l.recent)] = diff
	l.seen++
	agreed := diff
	if l.seen < len(l.recent) {
		agreed = 0
	} else {
		for _, d := range l.recent {
			switch {
			case d*diff <= 0:
				agreed = 0
			case math.Abs(d) < math.Abs(agreed):
				agreed = d
			}
		}
	}
	step := 0.0
	switch {
	case lost && diff > min(duration/2, plain), math.Abs(diff) > max(plain, duration):
		step = diff
	case math.Abs(agreed) > apparent:
		step = agreed
	}
	if step != 0 {
		l.late, l.seen = 0, 0
		l.res.follow(0)
	}
	return step
}

// bend makes the rate follow the timestamps.
func (l *timeline) bend(diff, duration float64) {
	l.late += (diff - l.late) * min(1, duration/average)
	switch {
	case math.Abs(l.late) > bendFrom, l.res.bend != 0 && math.Abs(l.late) > bendTo:
		l.res.follow(max(-maxBend, min(maxBend, l.late/bendTime)))
	default:
		l.res.follow(0)
	}
}

// drain hands out all that is there, fading away, and leaves the encoder silent.
func (l *timeline) drain(out Out) error {
	l.res.follow(0)
	// What lies in the filter, in the encoder, and what fills its last frame up.
	n := l.res.taps + (l.enc.delay()+2*l.enc.frame())*l.rate/l.enc.rate()
	l.hist.fill(n, func(p [][]float32) { l.res.push(p, l.ready.of) })
	err := l.encode(out)
	l.ready.reset(len(l.ready.of))
	return err
}

// encode encodes the frames that are complete.
func (l *timeline) encode(out Out) error {
	size := l.enc.frame()
	done := 0
	for ; l.ready.len()-done >= size; done += size {
		au, err := l.enc.encode(l.ready.of, done)
		at := l.time(l.made - int64(l.enc.delay()))
		l.made += int64(size)
		if err != nil || len(au) == 0 || at < 0 {
			continue // a frame that cannot be encoded is a hole of its length
		}
		l.n.Units++
		if err := out(at, au); err != nil {
			return err
		}
	}
	for c, b := range l.ready.of {
		l.ready.of[c] = b[:copy(b, b[done:])]
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
