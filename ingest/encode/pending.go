package encode

import (
	"sync"
	"time"
)

// Timestamps in the containers. An even one is a picture as any other; an odd one is
// to be a keyframe, which is how a child that runs can be told so.
const (
	tick   = 100 * time.Microsecond
	second = int64(time.Second / tick)
	// margin is what timestamps begin with: pictures after the first one may be
	// presented before it.
	margin = 10 * second
)

// maxPending bounds what is remembered of pictures that do not come out, because
// they are one too many or because the encoder is broken.
const maxPending = 512

// pending are the pictures in the encoder, with their exact times, which it knows in
// ticks only.
type pending struct {
	mu      sync.Mutex
	base    time.Duration // time of the first picture
	begun   bool
	newest  int64 // tick
	list    []entered
	entered int       // in all
	left    int       // in all, that came out
	alive   time.Time // when one came out last, or one went into the empty encoder
}

type entered struct {
	at   int64 // tick
	time time.Duration
	when time.Time
	idle time.Duration // of the session, until then
}

// add notes a picture that goes in now and returns its tick. idle is for how long there
// was nothing to encode, in all.
func (p *pending) add(t time.Duration, key bool, now time.Time, idle time.Duration) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun {
		p.begun, p.base = true, t
	}
	at := (int64((t-p.base)/(2*tick)) + margin/2) * 2
	if at < 0 || at < p.newest-margin {
		return 0, ErrTimes
	}
	for p.find(at) >= 0 || p.find(at+1) >= 0 { // two at the same time
		at += 2
	}
	p.newest = max(p.newest, at)
	if key {
		at++
	}
	if len(p.list) == 0 {
		p.alive = now
	}
	if len(p.list) == maxPending {
		p.list = append(p.list[:0], p.list[1:]...)
	}
	p.list = append(p.list, entered{at, t, now, idle})
	p.entered++
	return at, nil
}

func (p *pending) find(at int64) int {
	for i := range p.list {
		if p.list[i].at == at {
			return i
		}
	}
	return -1
}

// take returns the exact time of a picture that came out. False: there is none such.
// What is to be presented before it has been left out and is forgotten.
func (p *pending) take(at int64, now time.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.find(at)
	if i < 0 {
		return 0, false
	}
	t := p.list[i].time
	rest := p.list[:0]
	for _, e := range p.list {
		if e.at > at {
			rest = append(rest, e)
		}
	}
	p.list = rest
	p.left++
	p.alive = now
	return t, true
}

// waiting is the state of the encoder, for its watchdog.
type waiting struct {
	pictures      int           // in it
	oldest        time.Duration // for how long the oldest one is
	idle          time.Duration // of the session, until that one went in
	silent        time.Duration // for how long nothing came out although there was something in it
	entered, left int           // in all
}

func (p *pending) state(now time.Time) (w waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.pictures, w.entered, w.left = len(p.list), p.entered, p.left
	if w.pictures > 0 {
		w.oldest, w.silent = now.Sub(p.list[0].when), now.Sub(p.alive)
		w.idle = p.list[0].idle
	}
	return w
}
