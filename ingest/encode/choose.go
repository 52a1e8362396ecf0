package encode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// Proof is what a trial showed of one encoder.
type Proof struct {
	Name     string        `json:"name"`
	Codec    camgate.Codec `json:"codec"`
	Hardware bool          `json:"hardware"`
	Works    bool          `json:"works"`
	FPS      float64       `json:"fps,omitempty"`    // that it reached
	Reason   string        `json:"reason,omitempty"` // why it does not work, or is not chosen
	Chosen   bool          `json:"chosen"`           // it is what "auto" takes
	Busy     bool          `json:"busy,omitempty"`   // it is not known: it ran out of time, and is tried again
}

// demotion is what an encoder did wrong, and until when that is held against it.
type demotion struct {
	err   error
	until time.Time
}

// demotionTime is for how long an encoder that failed at work is not preferred.
const demotionTime = 5 * time.Minute

// Choose returns the encoders that work for what is wanted, the best first; those that
// were demoted lately come last. If none has passed, a program is taken that only ran out
// of time. Without one the error wraps ErrEncoderUnavailable and has the reasons, or it
// wraps ErrNotInstalled. What is not known yet is tried, which takes a second or so.
func (e *Encoders) Choose(ctx context.Context, f Format, s Settings) ([]Encoder, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	s, err := s.complete(f)
	if err != nil {
		return nil, err
	}
	s.FPS = s.rate(f)
	table := wanted(kinds(), s)
	table = slices.DeleteFunc(table, func(k kind) bool { return !k.takes(f, s) })
	if len(table) == 0 {
		return nil, fmt.Errorf("%w: there is no encoder %q for %s", camgate.ErrEncoderUnavailable, s.Encoder, s.Codec)
	}
	path, err := e.ffmpeg()
	if err != nil {
		return nil, err
	}
	known, err := e.prove(ctx, path, s, table)
	if err != nil {
		return nil, err
	}
	var list, late []Encoder
	for _, p := range e.order(table, known) {
		of := known[p.Name]
		if !of.Works && (!of.usable() || p.Hardware) {
			continue
		}
		k := table[slices.IndexFunc(table, func(k kind) bool { return k.name == p.Name })]
		at := max(0, slices.IndexFunc(k.variants, func(v variant) bool { return v.name == of.Variant }))
		enc := Encoder{kind: &k, variant: k.variants[at], path: path, env: e.environ(), forces: of.Forces, begin: of.Begin, proof: key(&k, s)}
		if of.Works {
			list = append(list, enc)
		} else {
			late = append(late, enc)
		}
	}
	if len(list) == 0 {
		list = late
	}
	if len(list) > 0 {
		e.tell(list[0].Name(), known[list[0].Name()])
		return list, nil
	}
	var reasons []string
	for _, k := range table {
		reasons = append(reasons, k.name+": "+known[k.name].Reason)
	}
	return nil, fmt.Errorf("%w: %s", camgate.ErrEncoderUnavailable, strings.Join(reasons, "; "))
}

// tell logs, once, that an encoder is used which has not passed.
func (e *Encoders) tell(name string, of proof) {
	e.mu.Lock()
	told := e.unproven[name]
	e.unproven[name] = !of.Works
	e.mu.Unlock()
	if !of.Works && !told {
		e.opts.Logger.Warn("an encoder is taken without proof", "encoder", name, "reason", of.Reason)
	}
}

// order is the table with what is known, those first that are to be used first.
func (e *Encoders) order(table []kind, known map[string]proof) []Proof {
	list := e.report(table, known)
	slices.SortStableFunc(list, func(a, b Proof) int {
		switch {
		case a.Works && a.Reason == "" && (!b.Works || b.Reason != ""):
			return -1
		case b.Works && b.Reason == "" && (!a.Works || a.Reason != ""):
			return 1
		}
		return 0
	})
	return list
}

// report is the table with what is known.
func (e *Encoders) report(table []kind, known map[string]proof) (list []Proof) {
	e.mu.Lock()
	defer e.mu.Unlock()
	chosen := -1
	for i, k := range table {
		of := known[k.name]
		p := Proof{Name: k.name, Codec: k.codec, Hardware: k.hardware, Works: of.Works, FPS: of.FPS, Reason: of.Reason, Busy: of.Late}
		if d, found := e.demoted[k.name]; found && p.Works {
			p.Reason = fmt.Sprintf("failed at work: %s", reason(d.err))
		}
		if p.Works && (chosen < 0 || list[chosen].Reason != "" && p.Reason == "") {
			chosen = i
		}
		list = append(list, p)
	}
	if chosen >= 0 {
		list[chosen].Chosen = true
	}
	return list
}

// Demote puts an encoder that failed at work behind all others for some minutes. Then
// its proofs are forgotten, and it may show again what it can.
func (e *Encoders) Demote(encoder Encoder, err error) {
	if err == nil {
		err = ErrDied
	}
	name, now := encoder.Name(), time.Now()
	e.mu.Lock()
	e.forgive(now)
	_, known := e.demoted[name]
	e.demoted[name] = demotion{err: err, until: now.Add(demotionTime)}
	if of, found := e.proofs[encoder.proof]; found && errors.Is(err, errUnbegun) {
		// If it is all that there is, it may be that the machine is busy: it gets twice the time.
		of.Begin = min(max(2*encoder.begin, 2*startTime/3), maxStart/3)
		e.proofs[encoder.proof] = of
	}
	e.mu.Unlock()
	if !known {
		e.opts.Logger.Warn("an encoder failed, others are taken for some minutes", "encoder", name, "err", err)
	}
}

// forgive ends the demotions whose time is over. The caller holds mu.
func (e *Encoders) forgive(now time.Time) {
	for name, d := range e.demoted {
		if now.Before(d.until) {
			continue
		}
		delete(e.demoted, name)
		for k := range e.proofs {
			if of, _, _ := strings.Cut(k, " "); of == name {
				delete(e.proofs, k)
			}
		}
	}
}

// ffmpeg finds the program, each time anew: it may be installed while we run.
func (e *Encoders) ffmpeg() (string, error) {
	path, err := child.Find(e.opts.FFmpeg)
	if errors.Is(err, child.ErrNotFound) {
		return "", errNoFFmpeg
	}
	return path, err
}
