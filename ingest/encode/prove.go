package encode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// proof is what is known of an encoder at a size and rate.
type proof struct {
	When    time.Time `json:"when"`
	Works   bool      `json:"works"`
	FPS     float64   `json:"fps,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Variant string    `json:"variant,omitempty"`
	Forces  bool      `json:"forces,omitempty"` // keyframes when asked
	// Begin is what it takes until the first picture.
	Begin time.Duration `json:"begin,omitempty"`
	// Late: it ran out of time, which may not be its fault. Such proofs are not kept in
	// the file.
	Late     bool `json:"-"`
	Pictures int  `json:"-"` // that it made in time and that are good
	Tries    int  `json:"-"` // that ran out of time, one after the other
	Free     bool `json:"-"` // the machine had the time for it
}

// How long proofs are good for. What does not work is tried again soon: somebody may
// be at it. What works proves itself each time it is used.
const (
	goodFor = 30 * 24 * time.Hour
	badFor  = 10 * time.Minute
)

// lookTime is for a program that only says what it has.
const lookTime = 30 * time.Second

func (p proof) valid(now time.Time) bool {
	age := now.Sub(p.When)
	return !p.Late && age >= 0 && (age < badFor || p.Works && age < goodFor)
}

// Prove returns the table of a codec, the best first (or the one that the settings
// name): what works at this size and rate (default 1280x720, 30), and why the others do
// not. What is not known yet is tried, one after the other, and a stream that needs an
// encoder meanwhile waits for one trial at the most. It fails when ffmpeg is missing, or
// ctx ends.
func (e *Encoders) Prove(ctx context.Context, s Settings) ([]Proof, error) {
	if s.Width == 0 || s.Height == 0 {
		s.Width, s.Height = 1280, 720
	}
	s, err := s.complete(Format{FPS: s.FPS})
	if err != nil {
		return nil, err
	}
	s.FPS = s.rate(Format{FPS: s.FPS})
	path, err := e.ffmpeg()
	if err != nil {
		return nil, err
	}
	table := wanted(kinds(), s)
	known := map[string]proof{}
	for i := range table {
		of, err := e.prove(ctx, path, s, table[i:i+1])
		if err != nil {
			return nil, err
		}
		maps.Copy(known, of)
	}
	return e.report(table, known), nil
}

// prove returns what is known of the encoders of the codec, after trials of those of
// which nothing is.
func (e *Encoders) prove(ctx context.Context, path string, s Settings, table []kind) (map[string]proof, error) {
	select { // one at a time: they would only slow each other down, and find the same
	case e.proving <- struct{}{}:
		defer func() { <-e.proving }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	listed, err := e.look(ctx, path)
	if err != nil {
		return nil, err
	}
	known := map[string]proof{}
	var soft, hard []*kind // to be tried
	e.mu.Lock()
	now := time.Now()
	e.forgive(now)
	needed := !slices.ContainsFunc(table, func(k kind) bool { // none works, or may
		p, found := e.proofs[key(&k, s)]
		return !found && (listed[k.name] || k.direct) || p.Works && p.valid(now)
	})
	for i := range table {
		k := &table[i]
		switch p, found := e.proofs[key(k, s)]; {
		case found && (p.valid(now) || p.Late && !p.due(now, needed)):
			known[k.name] = p
		case !listed[k.name] && !k.direct:
			known[k.name] = proof{When: now, Reason: "this ffmpeg does not have it"}
		case k.hardware:
			hard = append(hard, k)
		default:
			soft = append(soft, k)
		}
	}
	e.mu.Unlock()
	// What runs on the processor is measured alone.
	fresh := e.run(ctx, hard, e.opts.Trials, path, s, needed)
	for name, p := range e.run(ctx, soft, 1, path, s, needed) {
		fresh[name] = p
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	for i := range table {
		if p, found := fresh[table[i].name]; found {
			of := key(&table[i], s)
			if p.Late {
				p.When, p.Tries = time.Now(), e.proofs[of].Tries+1
			}
			known[table[i].name] = p
			e.proofs[of] = p
		}
	}
	e.mu.Unlock()
	if len(fresh) > 0 {
		e.save()
	}
	return known, nil
}

// run tries encoders, some at a time. needed says that there is no other one.
func (e *Encoders) run(ctx context.Context, list []*kind, atOnce int, path string, s Settings, needed bool) map[string]proof {
	var wg sync.WaitGroup
	var mu sync.Mutex
	found := map[string]proof{}
	slots := make(chan struct{}, atOnce)
	for _, k := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			e.mu.Lock()
			limit := limitOf(e.proofs[key(k, s)].Tries, needed)
			e.mu.Unlock()
			p := e.trying(ctx, k, path, s, limit)
			mu.Lock()
			found[k.name] = p
			mu.Unlock()
		})
	}
	wg.Wait()
	return found
}

// key is under what a proof is kept.
func key(k *kind, s Settings) string {
	return fmt.Sprintf("%s %dx%d %.4g", k.name, s.Width, s.Height, s.FPS)
}

// look asks ffmpeg which version it is and what it has, unless nothing has changed
// since it was asked last.
func (e *Encoders) look(ctx context.Context, path string) (map[string]bool, error) {
	stamp := e.stampOf(path)
	e.mu.Lock()
	listed, same := e.listed, e.stamp == stamp
	e.mu.Unlock()
	if same {
		return listed, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	out, err := output(ctx, path, "-hide_banner", "-v", "error", "-encoders")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", camgate.ErrEncoderUnavailable, err)
	}
	listed = map[string]bool{}
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 1 && strings.HasPrefix(words[0], "V") {
			listed[words[1]] = true
		}
	}
	if len(listed) == 0 {
		return nil, fmt.Errorf("%w: %s lists no encoders", camgate.ErrEncoderUnavailable, path)
	}
	proofs := e.load(stamp)
	e.mu.Lock()
	e.listed, e.stamp, e.proofs = listed, stamp, proofs
	e.mu.Unlock()
	return listed, nil
}

// output runs a program that says something.
func output(ctx context.Context, path string, args ...string) (string, error) {
	var out []byte
	err := child.Run(ctx, child.Command{Path: path, Args: args}, func(p *child.Process) (err error) {
		p.Stdin.Close()
		out, err = io.ReadAll(io.LimitReader(p.Stdout, 1<<20))
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %s does not answer", camgate.ErrTimeout, path)
	}
	return string(out), err
}

// wanted are the encoders of the table that the settings permit.
func wanted(table []kind, s Settings) []kind {
	return slices.DeleteFunc(slices.Clone(table), func(k kind) bool {
		return k.codec != s.Codec || s.Encoder != "" && s.Encoder != "auto" && s.Encoder != k.name
	})
}
