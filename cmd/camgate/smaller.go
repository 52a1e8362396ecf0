package main

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
)

// videoOf returns what the config says of the picture of a stream, which may be a profile,
// whose name is itself then. own is nil where it says nothing, opts where it has no such stream.
func (a *app) videoOf(s *camgate.Stream) (opts *config.Stream, itself string, own *config.Video) {
	if opts = a.cfg.Streams[s.Name()]; opts != nil {
		return opts, "", opts.Main()
	}
	if opts = a.cfg.Streams[path.Dir(s.Name())]; opts != nil {
		itself = path.Base(s.Name())
		own = opts.Profiles[itself]
	}
	return opts, itself, own
}

// adapts tells whether the bitrate of a stream follows its viewers.
func (a *app) adapts(s *camgate.Stream) bool {
	_, _, own := a.videoOf(s)
	return own != nil && own.Adaptive.Max > 0
}

// smaller returns the profiles that a viewer of a stream may be sent in its place when its
// network does not carry the stream, best first. A profile has those that are smaller
// than itself.
func (a *app) smaller(s *camgate.Stream) []*camgate.Stream {
	opts, itself, own := a.videoOf(s)
	if opts == nil || cmp.Or(opts.Fit, a.cfg.WebRTC.Fit) == "never" {
		return nil
	}
	of := s.Name()
	if itself != "" {
		of = path.Dir(of)
	}
	width, height := 0, 0
	for _, t := range s.Tracks() {
		if t.Kind == camgate.Video {
			width, height = t.Params().Width, t.Params().Height
		}
	}
	var names []string
	for _, name := range opts.Renditions() {
		if name != itself && less(opts.Profiles[name], own, width*height) {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(x, y string) int {
		a, b := opts.Profiles[x], opts.Profiles[y]
		return cmp.Or(cmp.Compare(pixels(b, width*height), pixels(a, width*height)), cmp.Compare(most(b), most(a)), strings.Compare(x, y))
	})
	var out []*camgate.Stream
	for _, name := range names {
		if child, err := a.registry.Get(of + "/" + name); err == nil {
			out = append(out, child)
		}
	}
	return out
}

// less tells whether a profile is less than a picture of so many pixels, which own asks
// for; nil: it is as it comes.
func less(p, own *config.Video, whole int) bool {
	if p.Codec == "mjpeg" {
		return false
	}
	n := pixels(p, whole)
	switch {
	case whole > 0 && n != whole:
		return n < whole
	case own != nil && most(own) > 0:
		return most(p) > 0 && most(p) < most(own)
	}
	return n < whole || most(p) > 0
}

func pixels(v *config.Video, whole int) int {
	w, h := v.Size.Sides()
	if w == 0 {
		return whole
	}
	return w * h
}

// most is the most bits in a second that a profile asks for; 0: it does not say.
func most(v *config.Video) int { return max(int(v.Bitrate), int(v.Adaptive.Max)) }
