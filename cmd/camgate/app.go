package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/hls"
	"github.com/camgate/camgate/web"
)

// app is a gateway: everything that the config asks for, wired.
type app struct {
	cfg   *config.Config
	log   *slog.Logger
	ready func() // called once when all ports are open; may be nil

	registry *camgate.Registry
	users    camgate.Users
	parts    []part
	web      *web.Server
	serving  atomic.Bool
}

// newApp makes all parts of a gateway. It opens no ports.
func newApp(cfg *config.Config, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, registry: camgate.NewRegistry(cfg.Limits.Streams)}
	var err error
	if a.users, err = cfg.Accounts(); err != nil {
		return nil, err
	}
	if err := a.addStreams(); err != nil {
		return nil, err
	}
	return a, a.addServers()
}

// Run serves until ctx ends, which is no error, or a port cannot be opened.
func (a *app) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", a.cfg.HTTP.Address)
	if err != nil {
		return a.portError(err)
	}
	a.parts = append(a.parts, part{"http", func(ctx context.Context) error { return a.web.Run(ctx, listener) }})
	if a.cfg.LoopbackOnly() {
		a.log.Info(`serving this machine only, as there are no users: add some ("camgate user add NAME"), or set "allow_anonymous: true"`)
	}
	a.serving.Store(true)
	if a.ready != nil {
		a.ready()
	}
	err = runParts(ctx, a.parts)
	a.serving.Store(false)
	if err == nil {
		a.log.Info("ended")
	}
	return a.portError(err)
}

// addServers makes the outputs and the server of pages.
func (a *app) addServers() error {
	hlsServer := hls.New(hls.Options{Part: a.cfg.HLS.Part, Segment: a.cfg.HLS.Segment, Warm: a.cfg.HLS.Warm, Log: a.log})
	a.parts = append(a.parts, part{"hls", hlsServer.Run})
	var err error
	a.web, err = web.New(web.Options{
		Registry:     a.registry,
		Users:        a.users,
		Outputs:      web.Outputs{HLS: hlsServer.Handle},
		Version:      versionName(),
		RTSP:         a.cfg.RTSP.Address,
		LoopbackOnly: a.cfg.LoopbackOnly(),
		AllowOrigins: a.cfg.HTTP.AllowOrigins,
		Logger:       a.log,
		Ready: func() error {
			if !a.serving.Load() {
				return errors.New("starting or ending")
			}
			return nil
		},
	})
	return err
}

// portError tells which key of the config to change when a port cannot be opened.
func (a *app) portError(err error) error {
	opErr := (*net.OpError)(nil)
	if !errors.As(err, &opErr) || opErr.Op != "listen" || opErr.Addr == nil {
		return err
	}
	key, ok := a.cfg.KeyOf(opErr.Net, opErr.Addr.String())
	if !ok {
		return err
	}
	return fmt.Errorf("%s: %s cannot be opened: %w", key, opErr.Addr, opErr.Err)
}
