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
	Reason   string        `json:"reason,omitempty"` // why it does not work, in the words of ffmpeg or the system
	Chosen   bool          `json:"chosen"`           // it is what "auto" takes
}

// demotion is what an encoder did wrong, and until when that is held against it.
type demotion struct {
	err   error
	until time.Time
}

// demotionTime is for how long an encoder that failed at work is not chosen.
const demotionTime = 5 * time.Minute

// Choose returns the encoders that work for what is wanted, the best first. Without
// one the error wraps ErrEncoderUnavailable and has the reasons, or ErrNotInstalled.
// The first call tries the encoders, which takes a second or so.
func (e *Encoders) Choose(ctx context.Context, f Format, s Settings) ([]Encoder, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	s, err := s.complete(f)
	if err != nil {
		return nil, err
	}
	s.FPS = s.rate(f)
	path, err := e.ffmpeg()
	if err != nil {
		return nil, err
	}
	proofs, err := e.prove(ctx, path, s)
	if err != nil {
		return nil, err
	}
	var list []Encoder
	var reasons []string
	for _, p := range proofs {
		if p.Works {
			list = append(list, Encoder{kind: find(p.Name), path: path})
		} else {
			reasons = append(reasons, p.Name+": "+p.Reason)
		}
	}
	switch {
	case len(list) > 0:
		return list, nil
	case len(reasons) == 0:
		return nil, fmt.Errorf("%w: there is no encoder %q for %s", camgate.ErrEncoderUnavailable, s.Encoder, s.Codec)
	}
	return nil, fmt.Errorf("%w: %s", camgate.ErrEncoderUnavailable, strings.Join(reasons, "; "))
}

// Demote makes Choose leave out an encoder that failed at work for some minutes, unless
// there is no other.
func (e *Encoders) Demote(encoder Encoder, err error) {
	e.mu.Lock()
	_, known := e.demoted[encoder.Name()]
	e.demoted[encoder.Name()] = demotion{err: err, until: time.Now().Add(demotionTime)}
	e.mu.Unlock()
	if !known {
		e.opts.Logger.Warn("encoder failed, another one is taken for some minutes", "encoder", encoder.Name(), "err", err)
	}
}

func find(name string) *kind {
	all := kinds()
	if i := slices.IndexFunc(all, func(k kind) bool { return k.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// ffmpeg finds the program, each time anew: it may be installed while we run.
func (e *Encoders) ffmpeg() (string, error) {
	path, err := child.Find(e.opts.FFmpeg)
	if errors.Is(err, child.ErrNotFound) {
		return "", errNoFFmpeg
	}
	return path, err
}
