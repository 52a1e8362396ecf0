package main

import (
	"path"
	"strings"

	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest/rendition"
)

// addVariants makes what viewers need who cannot take a stream as it is.
func (a *app) addVariants() error {
	a.variants = a.newVariants(a.rules)
	a.add("variants", a.variants.Run)
	return nil
}

// newVariants makes them by rules.
func (a *app) newVariants(rules func(string) rendition.Rules) *rendition.Variants {
	return rendition.NewVariants(rendition.VariantOptions{
		Rules: rules, Encoders: rendition.Of(a.encoders), Slots: a.encoding,
		Sounds: rendition.SoundsBy(a.cfg.MJPEG.FFmpeg), SoundSlots: make(chan struct{}, a.cfg.Limits.Sounds),
		Logger: a.log,
	})
}

// rules are what the config lets be made of a stream; a profile has those of its stream.
func (a *app) rules(name string) rendition.Rules {
	opts := a.cfg.Streams[name]
	if opts == nil {
		opts = a.cfg.Streams[path.Dir(name)]
	}
	if opts == nil {
		return rendition.Rules{}
	}
	return rulesOf(opts, !strings.Contains(name, "/") || a.cfg.Streams[name] != nil)
}

func rulesOf(opts *config.Stream, itself bool) rendition.Rules {
	r := rendition.Rules{
		KeepVideo: opts.Transcode.Video == "never", KeepAudio: opts.Transcode.Audio == "never",
		RefuseBFrames: opts.BFrames == "refuse",
		Slate:         opts.Slate && itself, StallTimeout: opts.StallTimeout,
	}
	switch opts.BFrames {
	case "drop":
		r.BFrames = rendition.BFramesDrop
	case "encode":
		r.BFrames = rendition.BFramesEncode
	}
	return r
}
