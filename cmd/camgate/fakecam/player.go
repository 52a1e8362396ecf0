package fakecam

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// tooLate is when samples are left out since the client takes them too slowly.
	tooLate = time.Second
	// earlyPackets is how many come before the answer with interleaved-early.
	earlyPackets = 3
	// otherChannel is one that no client sets up.
	otherChannel = 77
)

// errFault ends a session that a fault ends.
var errFault = errors.New("ended by a fault")

// player sends the tracks of a session, each sample when it is due.
type player struct {
	*session
	start time.Time
	fired map[string]time.Time // when each fault began or came last
	sent  int                  // samples
	begin bool                 // begun is not closed yet
	bye   bool
}

func newPlayer(s *session) *player {
	return &player{session: s, start: s.conn.now(), fired: map[string]time.Time{}, begin: true}
}

func (p *player) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		t := p.earliest()
		due := p.start.Add(t.due())
		at := due
		if f, ok := p.conn.fault("jitter"); ok {
			at = at.Add(time.Duration(p.random.Float64() * float64(f.time(0))))
		}
		timer.Reset(time.Until(at))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := p.events(); err != nil {
			return err
		}
		switch {
		case p.muted(t):
		case p.conn.now().Sub(due) > tooLate:
			t.waitKey = true
		default:
			if err := p.sample(t); err != nil {
				return err
			}
		}
		t.advance()
	}
}

// earliest is the track whose sample comes next.
func (p *player) earliest() *track {
	best := p.tracks[0]
	for _, t := range p.tracks[1:] {
		if t.due() < best.due() {
			best = t
		}
	}
	return best
}

// sample sends the next sample of a track, and a report when it is time for one.
func (p *player) sample(t *track) error {
	if err := t.send(); err != nil {
		return err
	}
	p.sent++
	if p.begin && p.sent >= earlyPackets {
		p.begin = false
		close(p.begun)
	}
	now := p.conn.now()
	if p.conn.has("no-sr") || now.Sub(t.srAt) < p.conn.cam.opts.ReportInterval {
		return nil
	}
	t.srAt = now
	return p.sendReport(t, now.Sub(p.start), false)
}

// muted tells whether nothing is sent now.
func (p *player) muted(t *track) bool {
	k := p.conn
	if _, silent := k.due("silence"); silent || p.bye {
		return true
	}
	if _, frozen := k.due("frozen-tcp"); frozen {
		return true
	}
	if k.has("udp-silent") && t.out.name() == "udp" {
		return true
	}
	f, ok := k.fault("no-rr-stop")
	if !ok {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return k.now().Sub(p.lastReport) > f.time(0)
}

// once tells that a fault begins now: once in a session, and once more when it is
// set anew.
func (p *player) once(name string) (*fault, bool) {
	f, due := p.conn.due(name)
	if !due || p.fired[name].Equal(f.since) {
		return f, false
	}
	p.fired[name] = f.since
	p.conn.log.Info("fault", "reason", name)
	return f, true
}

// every tells that something that happens again and again does so now.
func (p *player) every(name string, d time.Duration) bool {
	now := p.conn.now()
	if !p.conn.has(name) || now.Sub(p.fired[name]) < d {
		return false
	}
	p.fired[name] = now
	return true
}

// events are the faults that happen at a moment.
func (p *player) events() error {
	k := p.conn
	if _, now := p.once("kill"); now {
		k.cam.Kill()
		return errFault
	}
	if _, now := p.once("hang-up"); now {
		return errFault
	}
	if f, now := p.once("gone"); now {
		k.cam.leave(k.now().Add(f.time(1)))
		return errFault
	}
	_, ssrc := p.once("ssrc-change")
	seq, seqNow := p.once("seq-jump")
	jump, jumpNow := p.once("ts-jump")
	back, backNow := p.once("ts-back")
	_, sps := p.once("sps-change")
	_, bye := p.once("rtcp-bye")
	for _, t := range p.tracks {
		if ssrc {
			t.mu.Lock()
			t.ssrc = rand.Uint32()
			t.mu.Unlock()
		}
		if seqNow {
			t.seq += uint16(int64(seq.args[1]))
		}
		if jumpNow {
			t.shift(jump.args[1])
		}
		if backNow {
			t.shift(-back.args[1])
		}
		if sps && t.media.kind == video {
			t.replace(k.prog.second)
		}
		if bye {
			if err := p.sendReport(t, k.now().Sub(p.start), true); err != nil {
				return err
			}
		}
	}
	p.bye = p.bye || bye
	return p.noise()
}

// noise is what does not belong into an RTSP connection.
func (p *player) noise() error {
	out, ok := p.tracks[0].out.(*interleaved)
	if !ok {
		return nil
	}
	if p.every("unknown-channel", time.Second) {
		if err := p.conn.write(framed(otherChannel, []byte("fakecam: nobody asked for this"))); err != nil {
			return err
		}
	}
	f, ok := p.conn.fault("garbage")
	if !ok || !p.every("garbage", f.time(0)) {
		return nil
	}
	b := make([]byte, 64)
	for i := range b {
		// Not the beginning of a packet: what comes next can be found.
		if b[i] = byte(p.random.Uint32()); b[i] == '$' {
			b[i]++
		}
	}
	return out.conn.write(b)
}
