package main

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest/jpegcam"
	"github.com/camgate/camgate/ingest/onvif"
	"github.com/camgate/camgate/rtsp"
)

// onvifCamera is a camera that is asked at each attempt where its stream is. It
// implements camgate.Source and camgate.Knocker.
type onvifCamera struct {
	*onvif.Resolver
	name string
	open func(target onvif.Target) (camgate.Source, error)

	mu     sync.Mutex
	url    string // of source
	source camgate.Source
}

func (c *onvifCamera) String() string { return c.name }

// Run makes one attempt.
func (c *onvifCamera) Run(ctx context.Context, stream *camgate.Stream) error {
	target, err := c.Resolve(ctx)
	if err != nil {
		return fmt.Errorf("onvif: %w", err)
	}
	source, err := c.at(target)
	if err != nil {
		return err
	}
	return source.Run(ctx, stream)
}

// Session tells of the session with the stream that the camera named, if that is RTSP.
func (c *onvifCamera) Session() rtsp.Session {
	c.mu.Lock()
	source, ok := c.source.(*rtsp.Source)
	c.mu.Unlock()
	if !ok {
		return rtsp.Session{}
	}
	return source.Session()
}

// at makes the source for a target. The one of before goes on where nothing has
// changed: it knows which transport works.
func (c *onvifCamera) at(target onvif.Target) (camgate.Source, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source != nil && c.url == target.URL.String() {
		return c.source, nil
	}
	source, err := c.open(target)
	if err != nil {
		return nil, err
	}
	c.url, c.source = target.URL.String(), source
	return source, nil
}

// newONVIF makes the source for a camera that speaks ONVIF.
func (a *app) newONVIF(s *camgate.Stream, text config.SourceURL, parsed config.Source, opts *config.Stream) (camgate.Source, error) {
	secure, err := a.trust(s, text, parsed, opts.TLS)
	if err != nil {
		return nil, err
	}
	log := a.log.With("stream", s.Name())
	resolver, err := onvif.New(onvif.Options{URL: parsed.URL, TLS: secure, Logger: log.With("source", text.String())})
	if err != nil {
		return nil, err
	}
	open := func(t onvif.Target) (camgate.Source, error) {
		shown := &url.URL{Scheme: t.URL.Scheme, Host: t.URL.Host, Path: t.URL.Path, RawPath: t.URL.RawPath}
		log.Info("the camera tells where its pictures are", "source", text.String(), "profile", t.Profile.String(), "url", config.Redact(shown.String()))
		if t.Stills {
			picture := *t.URL
			picture.Scheme += "+jpeg"
			return jpegcam.New(jpegcam.Options{URL: &picture, Name: text.String(), TLS: secure, Interval: opts.Poll, Repeat: opts.StallTimeout / 5})
		}
		return rtsp.NewSource(rtsp.SourceOptions{URL: t.URL, Transport: rtsp.Transport(opts.Transport), TLS: secure, Logger: a.log, Memory: &a.memory, Talk: s.BackChannel()})
	}
	return &onvifCamera{Resolver: resolver, name: text.String(), open: open}, nil
}
