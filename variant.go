package camgate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// The headers by which HTTP answers tell a viewer what became of the tracks of a stream.
const (
	// MissingHeader lists those that it does not get, with the reasons: "audio AAC: WebRTC has no such codec".
	MissingHeader = "X-Camgate-Missing"
	// MadeHeader lists what is made for it of what the stream has: "audio AAC -> Opus".
	MadeHeader = "X-Camgate-Made"
)

// Variant is what an output needs of a stream where the stream itself does not do.
// The zero value is the stream as it is.
type Variant struct {
	Video     Codec // empty: the picture as it is
	NoReorder bool  // pictures come in the order in which they are shown: no B-frames
	Audio     Codec // empty: the sound as it is
}

// String names the variant for people: "H264+Opus".
func (v Variant) String() string {
	var parts []string
	if v.Video != "" {
		parts = append(parts, string(v.Video))
	} else if v.NoReorder {
		parts = append(parts, "no B-frames")
	}
	if v.Audio != "" {
		parts = append(parts, string(v.Audio))
	}
	return strings.Join(parts, "+")
}

// Variants makes variants of streams, each once for all who use it.
type Variants interface {
	// Use returns the variant of a stream, with tracks and with pictures up to the live
	// edge, and keeps it until release. Sound that cannot be made is there as it is, and
	// the variant's Warnings say why. Use fails with ErrUnsupportedCodec where the config
	// forbids what is wanted, with ErrEncoderUnavailable or ErrNotInstalled where nothing
	// here makes it, and with what the stream suffers.
	Use(ctx context.Context, s *Stream, v Variant) (variant *Stream, release func(), err error)
}

// variantOf is what a variant knows of itself.
type variantOf struct {
	parent *Stream
	what   Variant
	busy   atomic.Int64 // time spent on sound, ns
}

// NewVariant makes a variant of the stream, on its clock and with its limits, for the
// one who fills it; leave takes it from the list of variants. Who reads it, counts as a
// reader of the stream itself.
func (s *Stream) NewVariant(v Variant) (variant *Stream, leave func()) {
	variant = newStream(s.name, s.limits)
	variant.Follow(s)
	variant.variant = &variantOf{parent: s, what: v}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.variants = append(s.variants, variant)
	s.broadcast()
	return variant, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.variants = slices.DeleteFunc(s.variants, func(o *Stream) bool { return o == variant })
		s.broadcast()
	}
}

// Busy adds to the time that was spent on making the sound of a variant.
func (s *Stream) Busy(d time.Duration) {
	if s.variant != nil {
		s.variant.busy.Add(int64(d))
	}
}

// VariantInfo is a snapshot of a variant of a stream.
type VariantInfo struct {
	Variant
	Made    []string // in words: "audio AAC -> Opus"
	Readers int      // viewers and workers
	Busy    time.Duration
	Info    Info
}

// admit gives a viewer of a variant its place among those of the stream.
func (s *Stream) admit(r *Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.full(); err != nil {
		return err
	}
	s.nextID++
	r.id = s.nextID
	if s.guests == nil {
		s.guests = map[*Reader]struct{}{}
	}
	s.guests[r] = struct{}{}
	s.viewers++
	s.broadcast()
	return nil
}

// full says why there is no place for one more viewer; mu is held.
func (s *Stream) full() error {
	switch {
	case s.closed:
		return &StreamError{"read", s.name, ErrClosed}
	case s.viewers >= s.limits.MaxReaders:
		return &StreamError{"read", s.name, fmt.Errorf("%w: the limit is %d", ErrTooManyReaders, s.limits.MaxReaders)}
	}
	return nil
}

// dismiss takes the place of a viewer of a variant back.
func (s *Stream) dismiss(r *Reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.guests, r)
	s.viewers--
	s.count(r)
	s.broadcast()
}

// describe takes a snapshot of a variant.
func (s *Stream) describe(of []*Track) VariantInfo {
	info := s.Info()
	return VariantInfo{
		Variant: s.variant.what, Made: Made(of, info.Tracks, info.Encoder != ""),
		Readers: len(info.Readers), Busy: time.Duration(s.variant.busy.Load()), Info: info,
	}
}

// Made tells in words what is other in the tracks of a variant than in those of its
// stream. encoded says that its picture is encoded, and not only has pictures less.
func Made(from, to []*Track, encoded bool) []string {
	var out []string
	for _, kind := range []Kind{Video, Audio} {
		isKind := func(t *Track) bool { return t.Kind == kind }
		i, j := slices.IndexFunc(from, isKind), slices.IndexFunc(to, isKind)
		if i < 0 || j < 0 {
			continue
		}
		a, b := from[i], to[j]
		switch {
		case a.Codec != b.Codec:
			out = append(out, fmt.Sprintf("%s %s -> %s", kind, a.Codec, b.Codec))
		case kind == Video && encoded && a.Beyond420() && !a.Reorders():
			out = append(out, fmt.Sprintf("video %s -> %s, of 8 bits and 4:2:0", a.Codec, b.Codec))
		case kind == Video && encoded:
			out = append(out, fmt.Sprintf("video %s -> %s, without B-frames", a.Codec, b.Codec))
		case kind == Video && a.Reorders() && !b.Reorders():
			out = append(out, fmt.Sprintf("video %s, B-frames left out", a.Codec))
		}
	}
	return out
}
