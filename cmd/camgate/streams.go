package main

import (
	"context"
	"fmt"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/camera"
	execsource "github.com/camgate/camgate/ingest/command"
	"github.com/camgate/camgate/ingest/file"
	"github.com/camgate/camgate/ingest/jpegcam"
	"github.com/camgate/camgate/ingest/pipe"
	"github.com/camgate/camgate/ingest/rpicam"
	"github.com/camgate/camgate/ingest/sound"
	"github.com/camgate/camgate/ingest/ts"
	"github.com/camgate/camgate/rtsp"
)

// addStreams makes the streams, and what fills them.
func (a *app) addStreams() error {
	l := a.cfg.Limits
	limits := camgate.StreamLimits{
		Ring:        camgate.RingLimits{CacheBytes: int64(l.GOPCacheBytes), CacheTime: l.GOPCacheTime},
		MaxReaders:  l.ReadersPerStream,
		MaxLag:      l.ReaderLag,
		MaxLagBytes: int64(l.ReaderLagBytes),
	}
	shared := a.cfg.Shared()
	for _, name := range a.cfg.StreamNames() {
		s, err := a.registry.Add(name, limits)
		if err != nil {
			return err
		}
		if first, ok := shared[name]; ok {
			s.Warn("shared", a.cfg.TellShared(first)) // the log has it from the config
		}
		opts := a.cfg.Streams[name]
		from, err := a.addRenditions(s, opts, limits)
		if err == nil {
			a.addTalk(s, opts)
			err = a.addSources(from, s, opts)
		}
		if err != nil {
			return &camgate.StreamError{Op: "set up", Stream: name, Err: err}
		}
	}
	return nil
}

// addTalk gives a stream, and its profiles, the way to the camera's loudspeaker.
func (a *app) addTalk(s *camgate.Stream, opts *config.Stream) {
	if !opts.Talk {
		return
	}
	back := camgate.NewBackChannel(camgate.TalkLimits{Silence: a.cfg.Limits.TalkSilence, Length: a.cfg.Limits.TalkTime})
	s.SetBackChannel(back)
	for _, name := range opts.Renditions() {
		if profile, err := a.registry.Get(s.Name() + "/" + name); err == nil {
			profile.SetBackChannel(back)
		}
	}
}

// addSources gives a stream what fills it. What there is to know of the sources is told
// of the stream that people see: the same one, or what is made of it.
func (a *app) addSources(s, seen *camgate.Stream, opts *config.Stream) error {
	var sources []camgate.Source
	single := opts.SingleConnection
	for _, text := range opts.Source {
		parsed, err := config.ParseSource(text)
		if err != nil {
			return err
		}
		if parsed.Scheme == config.SchemePublish {
			s.SetIntake(camgate.Intake{HoldAfterLoss: opts.HoldAfterLoss, Patience: opts.StartTimeout / 2, Stall: opts.StallTimeout})
			ingest.AwaitPublisher(s)
			if opts.Slate {
				a.add("slate of "+s.Name(), func(ctx context.Context) error { return ingest.ShowSlate(ctx, s) })
			}
			return nil
		}
		source, err := a.newSource(seen, text, parsed, opts)
		if err != nil {
			return err
		}
		single = single || parsed.Scheme == config.SchemeBambu || parsed.Scheme == config.SchemeBambuS
		a.control(seen.Name()).add(source)
		sources = append(sources, atDevice(source, parsed))
	}
	if err := a.addSound(s, seen, opts); err != nil {
		return err
	}
	a.control(seen.Name()).sources = a.supervise(s, sources, ingest.Options{
		OnDemand:         opts.OnDemand,
		Linger:           opts.Linger,
		StallTimeout:     opts.StallTimeout,
		StartTimeout:     opts.StartTimeout,
		MinDialInterval:  opts.MinDialInterval,
		SingleConnection: single,
		HoldAfterLoss:    opts.HoldAfterLoss,
		Slate:            opts.Slate && s == seen,
		Dials:            a.dials,
		Logger:           a.log,
	})
	return nil
}

// addSound gives a stream the sound of a card beside its pictures.
func (a *app) addSound(s, seen *camgate.Stream, opts *config.Stream) error {
	if opts.Audio == "" {
		return nil
	}
	codec := camgate.Opus
	if opts.AudioCodec == "aac" {
		codec = camgate.AAC
	}
	recorder, err := sound.New(sound.Options{
		Device: opts.Audio, Codec: codec, Delay: opts.AudioDelay, FFmpeg: a.cfg.MJPEG.FFmpeg,
		Warn:   func(text string) { seen.Warn("sound", text) },
		Logger: a.log.With("stream", seen.Name()),
	})
	if err != nil {
		return err
	}
	s.SetCompanion(recorder)
	a.add("sound of "+seen.Name(), recorder.Run)
	return nil
}

// supervise keeps a stream filled for as long as the gateway runs.
func (a *app) supervise(s *camgate.Stream, sources []camgate.Source, opts ingest.Options) *ingest.Supervisor {
	supervisor := ingest.NewSupervisor(s, sources, opts)
	a.add("stream "+s.Name(), func(ctx context.Context) error {
		err := supervisor.Run(ctx)
		if err != nil && ctx.Err() == nil {
			// The others go on.
			a.log.Error("stream given up", "stream", s.Name(), "err", err)
			<-ctx.Done()
		}
		return nil
	})
	return supervisor
}

// newSource makes the source for a scheme.
func (a *app) newSource(s *camgate.Stream, text config.SourceURL, parsed config.Source, opts *config.Stream) (camgate.Source, error) {
	//exhaustive:enforce
	switch parsed.Scheme {
	case config.SchemeDemo:
		return file.New(file.Options{Name: "demo", Data: demo.Clip()})
	case config.SchemeFile:
		return file.New(file.Options{Name: "file:" + parsed.Path, Path: a.cfg.File(parsed.Path)})
	case config.SchemeRTSP, config.SchemeRTSPS:
		return a.newCamera(s, text, parsed, rtsp.Transport(opts.Transport), opts)
	case config.SchemeBambuS:
		return a.newCamera(s, text, parsed, rtsp.TransportTCP, opts)
	case config.SchemeMJPEG, config.SchemeMJPEGS, config.SchemeJPEG, config.SchemeJPEGS, config.SchemeBambu:
		secure, err := a.trust(s, text, parsed, opts.TLS)
		if err != nil {
			return nil, err
		}
		return jpegcam.New(jpegcam.Options{
			URL: parsed.URL, Name: text.String(), TLS: secure,
			// More often than the supervisor asks for signs of life.
			Interval: opts.Poll, Repeat: opts.StallTimeout / 5,
		})
	case config.SchemeONVIF, config.SchemeONVIFS:
		return a.newONVIF(s, text, parsed, opts)
	case config.SchemeMPEGTS:
		return ts.New(ts.Options{URL: parsed.URL, Name: text.String()})
	case config.SchemeV4L2:
		return a.newLocalCamera(s, parsed, opts)
	case config.SchemeExec:
		o := execsource.Options{Args: parsed.Words}
		if opts.Format != "auto" {
			o.Format = pipe.Format(opts.Format)
		}
		return execsource.New(o)
	case config.SchemeRPiCam:
		return newRPiCam(parsed, opts)
	case config.SchemePublish: // has none
	}
	return nil, fmt.Errorf("%w: no source for %q", camgate.ErrUnsupportedCodec, parsed.Scheme)
}

// newLocalCamera makes the source for a camera of this machine. It is asked for what the
// stream itself is to be, so that as little as possible is to be made of it.
func (a *app) newLocalCamera(s *camgate.Stream, parsed config.Source, opts *config.Stream) (camgate.Source, error) {
	main := opts.Main()
	if main == nil {
		main = config.DefaultVideo()
	}
	width, height := main.Size.Sides()
	return camera.New(camera.Options{
		Target: parsed.Path, Format: main.Format, Width: width, Height: height, FPS: float64(main.FPS),
		Bitrate: int(main.Bitrate), GOP: main.GOP, Controls: opts.Controls,
		// Before the supervisor gives it up, as the camera knows more about it.
		Stall: opts.StallTimeout * 4 / 5, Warn: s.Warn, Logger: a.log,
	})
}

// newCamera makes the source for an RTSP camera.
func (a *app) newCamera(s *camgate.Stream, text config.SourceURL, parsed config.Source, transport rtsp.Transport, opts *config.Stream) (camgate.Source, error) {
	secure, err := a.trust(s, text, parsed, opts.TLS)
	if err != nil {
		return nil, err
	}
	source, err := rtsp.NewSource(rtsp.SourceOptions{URL: parsed.URL, Transport: transport, TLS: secure, Logger: a.log, Memory: &a.memory, Talk: s.BackChannel()})
	return remote{source, text.String()}, err
}

// remote is a source under the name that the config has for it, without secrets.
type remote struct {
	*rtsp.Source
	name string
}

func (c remote) String() string { return c.name }

// newRPiCam makes the source for a camera of a Raspberry Pi, which encodes its pictures
// itself: it is asked for what the stream is to be.
func newRPiCam(parsed config.Source, opts *config.Stream) (camgate.Source, error) {
	want := opts.Main()
	if want == nil {
		want = config.DefaultVideo()
	}
	r := requestOf(want)
	o := rpicam.Options{
		Camera: parsed.Camera, Width: r.Width, Height: r.Height, FPS: r.FPS, Bitrate: r.Bitrate, GOP: r.GOP, Quality: r.Quality, Controls: opts.Controls,
	}
	if want.Codec == "mjpeg" || want.Format == "mjpeg" {
		o.Codec = camgate.MJPEG
	}
	return rpicam.New(o)
}

func requestOf(want *config.Video) rpicam.Request {
	r := rpicam.Request{FPS: float64(want.FPS), Bitrate: int(want.Bitrate), GOP: want.GOP, Quality: want.Quality}
	r.Width, r.Height = want.Size.Sides()
	return r
}
