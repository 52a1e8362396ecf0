package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// faults is one direction of the link.
type faults struct {
	loss, dup, reorder   float64 // per cent
	delay, jitter        time.Duration
	rate                 float64 // bits a second; 0: unlimited
	limit                int     // packets waiting at most
	dropped, sent, duped atomic.Int64
	mu                   sync.Mutex
	free                 time.Time // when the rate-limited line is free again
	last                 time.Time // departure of the packet before, to keep the order
	q                    chan packet
}

type packet struct {
	at     time.Time
	copies int
	b      []byte
}

// send empties the queue in order: departures are made monotonic before they enter it.
func (f *faults) send(to *os.File) {
	for p := range f.q {
		if d := time.Until(p.at); d > 0 {
			time.Sleep(d)
		}
		for range p.copies {
			_, _ = to.Write(p.b)
		}
		f.sent.Add(1)
	}
}

func (f *faults) set(k, v string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch k {
	case "loss", "dup", "reorder":
		x, err := strconv.ParseFloat(v, 64)
		*map[string]*float64{"loss": &f.loss, "dup": &f.dup, "reorder": &f.reorder}[k] = x
		return err
	case "delay", "jitter":
		x, err := time.ParseDuration(v)
		*map[string]*time.Duration{"delay": &f.delay, "jitter": &f.jitter}[k] = x
		return err
	case "rate":
		m := 1.0
		for s, u := range map[string]float64{"gbit": 1e9, "mbit": 1e6, "kbit": 1e3} {
			if t, ok := strings.CutSuffix(v, s); ok {
				v, m = t, u
			}
		}
		x, err := strconv.ParseFloat(v, 64)
		f.rate = x * m
		return err
	}
	return errors.New("unknown fault " + k)
}

func (f *faults) carry(from, to *os.File) {
	f.q = make(chan packet, f.limit)
	go f.send(to)
	buf := make([]byte, 65536)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		f.mu.Lock()
		now := time.Now()
		if rand.Float64()*100 < f.loss {
			f.dropped.Add(1)
			f.mu.Unlock()
			continue
		}
		if f.rate > 0 && len(f.q) == cap(f.q) { // the queue is full: it takes none of the line's time
			f.dropped.Add(1)
			f.mu.Unlock()
			continue
		}
		at := now.Add(f.delay)
		if f.jitter > 0 {
			at = at.Add(time.Duration((rand.Float64()*2 - 1) * float64(f.jitter)))
		}
		if f.rate > 0 {
			if f.free.Before(now) {
				f.free = now
			}
			f.free = f.free.Add(time.Duration(float64(n*8) / f.rate * 1e9))
			at = at.Add(f.free.Sub(now))
		}
		if rand.Float64()*100 < f.reorder || (f.delay == 0 && f.jitter == 0 && f.rate == 0 && len(f.q) == 0) {
			at = now // overtakes what waits, or nothing does
		} else {
			if at.Before(f.last) {
				at = f.last
			}
			f.last = at
		}
		copies := 1
		if rand.Float64()*100 < f.dup {
			copies = 2
			f.duped.Add(1)
		}
		f.mu.Unlock()
		p := packet{at, copies, append([]byte(nil), buf[:n]...)}
		if at.Equal(now) { // overtakes
			for range copies {
				_, _ = to.Write(p.b)
			}
			f.sent.Add(1)
			continue
		}
		select {
		case f.q <- p:
		default: // the queue is full: tail drop, as a router does
			f.dropped.Add(1)
		}
	}
}
