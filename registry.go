package camgate

import (
	"fmt"
	"sort"
	"strings"
	"sync"
)

// Registry holds the streams of a gateway by name.
type Registry struct {
	maxStreams int

	mu      sync.RWMutex
	streams map[string]*Stream
}

// NewRegistry makes a registry of at most maxStreams streams; 0 means 1,000.
func NewRegistry(maxStreams int) *Registry {
	if maxStreams == 0 {
		maxStreams = 1000
	}
	return &Registry{maxStreams: maxStreams, streams: map[string]*Stream{}}
}

// Add makes a stream. The name must be valid (see ValidName) and new.
func (g *Registry) Add(name string, limits StreamLimits) (*Stream, error) {
	if err := ValidName(name); err != nil {
		return nil, &StreamError{"add", name, err}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.streams[name]; ok {
		return nil, &StreamError{"add", name, ErrStreamExists}
	}
	if len(g.streams) >= g.maxStreams {
		return nil, &StreamError{"add", name, fmt.Errorf("%w: the limit is %d", ErrTooManyStreams, g.maxStreams)}
	}
	s := newStream(name, limits)
	g.streams[name] = s
	return s, nil
}

// Get returns the stream of that name, or ErrStreamNotFound.
func (g *Registry) Get(name string) (*Stream, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if s, ok := g.streams[name]; ok {
		return s, nil
	}
	return nil, &StreamError{"find", name, ErrStreamNotFound}
}

// Remove closes the stream of that name and forgets it.
func (g *Registry) Remove(name string) {
	g.mu.Lock()
	s := g.streams[name]
	delete(g.streams, name)
	g.mu.Unlock()
	if s != nil {
		s.Close()
	}
}

// List returns all streams, sorted by name.
func (g *Registry) List() []*Stream {
	g.mu.RLock()
	defer g.mu.RUnlock()
	out := make([]*Stream, 0, len(g.streams))
	for _, s := range g.streams {
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}

// reserved are the first segments of URLs that are not streams.
var reserved = [...]string{"api", "healthz", "readyz", "metrics", "assets"}

// maxName bounds the length of a name in bytes.
const maxName = 200

// ValidName says what is wrong with a stream's name, or nil: letters, digits and
// "_-./", no empty or dot segments, and a first segment that is no other page.
func ValidName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("a stream's name has 1 to %d characters", maxName)
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("_-./", c) >= 0:
		default:
			return fmt.Errorf("%q is not allowed in a stream's name: use letters, digits and _ - . /", string(rune(c)))
		}
	}
	segments := strings.Split(name, "/")
	for _, seg := range segments {
		if seg == "" || seg == "." || seg == ".." {
			return fmt.Errorf("a stream's name has no empty or dot segments")
		}
	}
	for _, word := range reserved {
		if segments[0] == word {
			return fmt.Errorf("a stream's name cannot begin with %q: it is a page of camgate", word)
		}
	}
	return nil
}
