package webrtc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/camgate/camgate"
)

// plan negotiates with an offer: what the viewer decodes, it gets as it is; for the rest
// a variant of the stream is made, if anything can be. It fails as negotiate does.
func (s *Server) plan(ctx context.Context, o *offer, stream *camgate.Stream, tracks []*camgate.Track) (*plan, error) {
	p, err := negotiate(o, tracks)
	if p != nil {
		p.stream = stream
	}
	want := o.variant(tracks)
	if want == (camgate.Variant{}) || s.opts.Variants == nil {
		return p, err
	}
	return s.planVariant(ctx, o, stream, tracks, want, p, err)
}

// planVariant plans with a variant; p and refusal are what there is without one.
func (s *Server) planVariant(ctx context.Context, o *offer, stream *camgate.Stream, tracks []*camgate.Track, want camgate.Variant, p *plan, refusal error) (*plan, error) {
	variant, release, err := s.opts.Variants.Use(ctx, stream, want)
	if err != nil {
		return p.without(want, refusal, err)
	}
	better, err := negotiate(o, variant.Tracks())
	switch info := variant.Info(); {
	case err != nil:
		release()
		return p.without(want, refusal, err)
	case p != nil && len(better.routes) <= len(p.routes) && len(p.missing) > 0: // it is the sound that cannot be made
		release()
		p.missing = append(p.missing[:0:0], p.missing...)
		if len(info.Warnings) > 0 {
			p.missing[len(p.missing)-1] += "; " + info.Warnings[0]
		}
		return p, nil
	default:
		better.stream, better.release = variant, release
		better.made = camgate.Made(tracks, info.Tracks, info.Encoder != "")
		return better, nil
	}
}

// without is what becomes of a plan when the variant cannot be had.
func (p *plan) without(want camgate.Variant, refusal, err error) (*plan, error) {
	hopeless := errors.Is(err, camgate.ErrUnsupportedCodec) || errors.Is(err, camgate.ErrEncoderUnavailable) || errors.Is(err, camgate.ErrNotInstalled)
	switch {
	case p != nil && len(p.missing) > 0: // it was for the sound alone
		p.missing[len(p.missing)-1] += "; " + bare(err)
		return p, nil
	case p != nil:
		return p, nil
	case hopeless:
		// ErrUnsupportedCodec, whatever it is: there is nothing to wait for, and another
		// protocol may do.
		what := "pictures without B-frames"
		switch {
		case want.Video != "":
			what = string(want.Video)
		case !want.NoReorder: // it was for the sound, and there is no picture to go with it
			return nil, refusal
		}
		return nil, fmt.Errorf("%w; %s cannot be made of it: %s", refusal, what, bare(err))
	}
	return nil, err
}

// bare is an error without the sentinel in front of it.
func bare(err error) string {
	return strings.TrimPrefix(err.Error(), camgate.ErrUnsupportedCodec.Error()+": ")
}

// variant is what the viewer needs beside what it can take of the tracks as they are.
func (o *offer) variant(tracks []*camgate.Track) (v camgate.Variant) {
	if !slices.ContainsFunc(tracks, func(t *camgate.Track) bool { return t.Kind == camgate.Video && !t.Reorders() && o.decodes(t) }) {
		if t := o.first(camgate.Video, tracks); t != nil {
			switch {
			case t.Reorders() && o.decodes(t):
				v.NoReorder = true
			case t.Codec.Decodable() && o.decodes(plainH264()):
				v.Video = camgate.H264
			}
		}
	}
	if !slices.ContainsFunc(tracks, func(t *camgate.Track) bool { return t.Kind == camgate.Audio && o.decodes(t) }) {
		if t := o.first(camgate.Audio, tracks); t != nil && o.decodes(plainOpus()) {
			v.Audio = camgate.Opus
		}
	}
	return v
}

// Tracks such as encoders here make them.
func plainH264() *camgate.Track {
	return camgate.NewTrack(camgate.TrackOptions{Kind: camgate.Video, Codec: camgate.H264, ClockRate: 90000})
}

func plainOpus() *camgate.Track {
	return camgate.NewTrack(camgate.TrackOptions{Kind: camgate.Audio, Codec: camgate.Opus, ClockRate: 48000, Channels: 2})
}

// first returns the first track of a kind, if the viewer asks for such ones.
func (o *offer) first(kind camgate.Kind, tracks []*camgate.Track) *camgate.Track {
	i := slices.IndexFunc(tracks, func(t *camgate.Track) bool { return t.Kind == kind })
	if i < 0 || !slices.ContainsFunc(o.sections, func(s section) bool { return s.kind == string(kind) && s.receives() }) {
		return nil
	}
	return tracks[i]
}

// decodes tells whether the viewer has a payload type for a track, whatever the order of
// its pictures is.
func (o *offer) decodes(t *camgate.Track) bool {
	for i := range o.sections {
		s := &o.sections[i]
		if s.kind == string(t.Kind) && s.receives() && o.bundled(i) && s.choose(t) != nil {
			return true
		}
	}
	return false
}

// goOver goes on with a variant of the stream whose pictures are in their order: nil, and
// the viewer has to begin at its keyframe. The payload type stays, and timestamps go on.
func (v *viewer) goOver() error {
	s := v.server
	refusal := fmt.Errorf("%w: B-frames", camgate.ErrUnsupportedCodec) // the next offer is told so
	if s.opts.Variants == nil {
		return refusal
	}
	ctx, cancel := context.WithTimeout(v.ctx, s.opts.StartTimeout)
	defer cancel()
	want := camgate.Variant{NoReorder: true}
	for i, l := range v.lanes {
		if l.track.Kind == camgate.Audio && !slices.Contains(v.of().Tracks(), v.now.routes[i].track) {
			want.Audio = l.track.Codec // it was made
		}
	}
	variant, release, err := s.opts.Variants.Use(ctx, v.of(), want)
	if err != nil {
		return fmt.Errorf("%w; %w", refusal, err)
	}
	routes := slices.Clone(v.now.routes)
	for i := range routes {
		r := &routes[i]
		r.track = match(variant.Tracks(), r.track)
		if r.track == nil || r.track.Reorders() || r.codec.fits(r.track) == 0 {
			release()
			return refusal
		}
	}
	v.now.end()
	v.now = &plan{routes: routes, missing: v.now.missing, stream: variant, release: release}
	v.transport.mu.Lock()
	defer v.transport.mu.Unlock()
	for i, l := range v.lanes {
		l.track, l.past = routes[i].track, nil // what was sent is kept no more
	}
	v.log.Info("reader goes over to a variant", "reason", "B-frames")
	return nil
}

// match finds the track that goes on with one of another variant.
func match(tracks []*camgate.Track, t *camgate.Track) *camgate.Track {
	i := slices.IndexFunc(tracks, func(o *camgate.Track) bool { return o.Kind == t.Kind && o.Codec == t.Codec })
	if i < 0 {
		return nil
	}
	return tracks[i]
}
