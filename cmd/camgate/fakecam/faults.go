package fakecam

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// kind is what an argument of a fault is.
type kind int

const (
	span    kind = iota // a time: 5s, 1.8s, 300ms
	percent             // 5%, 0.5%
	count               // a whole number, not below zero
	signed              // a whole number with a sign: +90000000, -500
	ppm                 // parts per million: +500ppm
)

func (k kind) String() string {
	return [...]string{"TIME", "PERCENT", "N", "+N", "+NPPM"}[k]
}

// param is an argument of a fault and what it is when it is not given.
type param struct {
	kind kind
	def  float64 // times in seconds
}

// spec describes a fault.
type spec struct {
	name   string
	doc    string
	params []param
	// Of a group a camera can have one at a time.
	group string
	// needs is what must be there for it: "user", "tls" or empty.
	needs string
}

// usage is the fault as it is written, with its arguments.
func (s spec) usage() string {
	if len(s.params) == 0 {
		return s.name
	}
	var kinds []string
	for _, p := range s.params {
		kinds = append(kinds, p.kind.String())
	}
	return s.name + "[=" + strings.Join(kinds, ",") + "]"
}

// fault is one that the camera has.
type fault struct {
	spec
	args []float64
	// since is when it was set: what has to happen after a time at the earliest
	// happens that time later.
	since time.Time
}

func (f *fault) time(i int) time.Duration { return time.Duration(f.args[i] * float64(time.Second)) }

// chance is a percentage as a share of one.
func (f *fault) chance(i int) float64 { return f.args[i] / 100 }

// InvalidFaultError tells what is wrong with a fault that was asked for.
type InvalidFaultError struct {
	Fault  string // as it was given
	Reason string
}

func (e *InvalidFaultError) Error() string {
	return fmt.Sprintf("fault %q: %s", e.Fault, e.Reason)
}

// parseFault reads NAME or NAME=ARG,ARG.
func parseFault(text string, now time.Time) (*fault, error) {
	name, args, given := strings.Cut(text, "=")
	invalid := func(format string, a ...any) (*fault, error) {
		return nil, &InvalidFaultError{text, fmt.Sprintf(format, a...)}
	}
	for _, s := range table {
		if s.name != name {
			continue
		}
		f := &fault{spec: s, since: now}
		for _, p := range s.params {
			f.args = append(f.args, p.def)
		}
		if !given {
			return f, nil
		}
		parts := strings.Split(args, ",")
		if len(parts) > len(s.params) {
			return invalid("too many arguments, want %s", s.usage())
		}
		for i, part := range parts {
			value, err := s.params[i].kind.parse(strings.TrimSpace(part))
			if err != nil {
				return invalid("%v, want %s", err, s.usage())
			}
			f.args[i] = value
		}
		return f, nil
	}
	if near := nearest(name); near != "" {
		return invalid("there is none of this name: did you mean %q?", near)
	}
	return invalid("there is none of this name")
}

func (k kind) parse(text string) (float64, error) {
	switch k {
	case span:
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > 24*time.Hour {
			return 0, fmt.Errorf("%q is no time such as 5s, 1.8s or 300ms", text)
		}
		return d.Seconds(), nil
	case percent:
		v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
		if err != nil || !(v >= 0 && v <= 100) {
			return 0, fmt.Errorf("%q is no percentage such as 5%%", text)
		}
		return v, nil
	case count:
		v, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%q is no whole number", text)
		}
		return float64(v), nil
	case signed:
		v, err := strconv.ParseInt(text, 10, 33)
		if err != nil {
			return 0, fmt.Errorf("%q is no whole number such as +90000 or -90000", text)
		}
		return float64(v), nil
	default: // ppm
		v, err := strconv.ParseFloat(strings.TrimSuffix(text, "ppm"), 64)
		if err != nil || !(v >= -100000 && v <= 100000) {
			return 0, fmt.Errorf("%q is no drift such as +500ppm (100000 at the most)", text)
		}
		return v, nil
	}
}

// nearest is the name of a fault that shares the most with a wrong one, if it
// shares enough for a guess.
func nearest(wrong string) string {
	best, most := "", 2
	for _, s := range table {
		if n := common(s.name, wrong); n > most {
			best, most = s.name, n
		}
	}
	return best
}

// common is the length of the longest subsequence that two words share, less what
// they do not share at their ends.
func common(a, b string) int {
	row := make([]int, len(b)+1)
	for i := range len(a) {
		diagonal := 0
		for j := range len(b) {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	n := row[len(b)]
	return n - (max(len(a), len(b)) - n)
}

// faults are those that a camera has, by name. A set is never changed: another
// one takes its place.
type faults map[string]*fault

// with returns the set with more faults, each of which takes the place of what
// does not go with it.
func (fs faults) with(more []*fault) faults {
	out := faults{}
	for name, f := range fs {
		out[name] = f
	}
	for _, f := range more {
		for name, old := range out {
			if old.group != "" && old.group == f.group {
				delete(out, name)
			}
		}
		out[f.name] = f
	}
	return out
}

func (fs faults) without(names []string) faults {
	out := faults{}
	for name, f := range fs {
		out[name] = f
	}
	for _, name := range names {
		delete(out, name)
	}
	return out
}
