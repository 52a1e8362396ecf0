package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/rendition"
)

// addRenditions makes the streams that are made of a stream's source: its profiles,
// and where the stream itself is not to be as the source sends it, that one too. It
// returns the stream that the source is to fill.
func (a *app) addRenditions(s *camgate.Stream, opts *config.Stream, limits camgate.StreamLimits) (from *camgate.Stream, err error) {
	from = s
	main := opts.Main()
	if main != nil || opts.Local() {
		if main == nil {
			main = config.DefaultVideo()
		}
		// A stream that no registry knows: what the source sends is nobody's to see.
		hidden := limits
		if opts.Local() {
			hidden.Ring.Window = localWindow
		}
		from = camgate.NewRendition(s.Name(), hidden)
		s.Follow(from)
		// What the source does is told by its own supervisor.
		a.addRendition(s, from, "", main, opts, slog.New(slog.DiscardHandler))
	}
	for _, name := range opts.Renditions() {
		full := s.Name() + "/" + name
		child, err := a.registry.Add(full, limits)
		if err != nil {
			return nil, err
		}
		child.Follow(from)
		profile := *opts
		profile.OnDemand, profile.Slate = true, false
		a.addRendition(child, from, name+" of "+s.Name(), opts.Profiles[name], &profile, a.log)
	}
	return from, nil
}

// localWindow is how long the pictures of a camera of this machine are kept: some that
// are not compressed take up much memory, and no network is there to lose any.
const localWindow = 100 * time.Millisecond

// encoderStart is how long an encoder may take to begin on a machine that is busy. It has
// a watchdog of its own, which ends it sooner where it can be told that it hangs.
const encoderStart = 40 * time.Second

// addRendition makes a stream of another one. name is its name for people; empty: what
// the other one is made of.
func (a *app) addRendition(s, from *camgate.Stream, name string, want *config.Video, opts *config.Stream, log *slog.Logger) {
	asked := opts.Local() && name == ""
	source := rendition.New(rendition.Options{
		Parent: from, Name: name, Logger: a.log.With("stream", s.Name()),
		Want: settingsOf(want, asked), Adaptive: rendition.Adaptive{Min: int(want.Adaptive.Min), Max: int(want.Adaptive.Max)},
		Encoders: rendition.Of(a.encoders), Slots: a.encoding,
	})
	control := a.control(s.Name())
	control.rendition, control.video, control.first, control.asked = source, want, want, asked
	control.supervisor = a.supervise(s, []camgate.Source{source}, ingest.Options{
		OnDemand: opts.OnDemand,
		Linger:   opts.Linger,
		// So that the source's own supervisor is the first to say what is wrong.
		StallTimeout: opts.StallTimeout + 2*time.Second,
		StartTimeout: opts.StartTimeout + encoderStart,
		Slate:        opts.Slate,
		Dials:        ingest.NewDials(1),
		Logger:       log,
	})
	a.add("demand of "+s.Name(), func(ctx context.Context) error {
		_ = rendition.Want(ctx, s, from)
		return nil
	})
}

// settingsOf is what a config wants of a picture. asked says that its rate and bitrate
// are asked of the camera itself.
func settingsOf(v *config.Video, asked bool) rendition.Settings {
	s := rendition.Settings{
		FPS: float64(v.FPS), Bitrate: int(v.Bitrate), GOP: v.GOP, Quality: v.Quality, Asked: asked,
	}
	s.Width, s.Height = v.Size.Sides()
	switch v.Codec {
	case "h264":
		s.Codec = camgate.H264
	case "h265":
		s.Codec = camgate.H265
	case "mjpeg":
		s.Codec = camgate.MJPEG
	}
	if v.Encoder != "auto" {
		s.Encoder = v.Encoder
	}
	if s.Bitrate == 0 {
		s.Bitrate = int(v.Adaptive.Max)
	}
	return s
}
