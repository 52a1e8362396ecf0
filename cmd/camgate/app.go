package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/encode"
	"github.com/camgate/camgate/ingest/rendition"
	"github.com/camgate/camgate/ingest/trust"
	"github.com/camgate/camgate/rtsp"
	"github.com/camgate/camgate/web"
)

// app is a gateway: everything that the config asks for, wired.
type app struct {
	cfg      *config.Config
	log      *slog.Logger
	registry *camgate.Registry
	users    camgate.Users
	dials    *ingest.Dials
	attempts *camgate.Attempts                       // wrong passwords, over all protocols
	store    *trust.Store                            // certificates of cameras
	memory   rtsp.Memory                             // of all RTSP sources
	seen     func(address string, facts trust.Facts) // is told of them; nil: nobody is

	encoders *encode.Encoders
	encoding chan struct{} // has room for those that encode
	variants *rendition.Variants

	controls controls

	outputs web.Outputs
	metrics []func() []metric // those of outputs
	parts   []part
	serving atomic.Bool
}

// newApp makes all parts of a gateway and opens its ports. Run has to follow.
func newApp(ctx context.Context, cfg *config.Config, log *slog.Logger) (*app, error) {
	a := &app{controls: controls{}, cfg: cfg, log: log, registry: camgate.NewRegistry(cfg.Limits.Streams), dials: ingest.NewDials(cfg.Limits.Sources), attempts: camgate.NewAttempts(0, 0)}
	a.encoders = encode.New(encode.Options{FFmpeg: cfg.MJPEG.FFmpeg, StateDir: cfg.StateDirectory(), Logger: log})
	a.encoding = make(chan struct{}, cfg.Limits.Encoders)
	a.store = trust.NewStore(cfg.StateDirectory())
	var err error
	if a.users, err = cfg.Accounts(); err != nil {
		return nil, err
	}
	for _, add := range []func() error{a.addStreams, a.addVariants, a.addRTSP, a.addWebRTC, a.addHLS, a.addMJPEG, a.addWeb} {
		if err := add(); err != nil {
			a.abandon(ctx)
			return nil, a.portError(err)
		}
	}
	return a, nil
}

// abandon gives back the ports of the parts that were made.
func (a *app) abandon(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_ = runParts(ctx, a.parts)
}

// Run serves until ctx ends, which is no error.
func (a *app) Run(ctx context.Context) error {
	a.serving.Store(true)
	defer context.AfterFunc(ctx, func() { a.serving.Store(false) })()
	err := runParts(ctx, a.parts)
	if err == nil {
		a.log.Info("ended", "reason", "signal")
	}
	return err
}

// Ready tells whether requests are served; see web.Options.
func (a *app) Ready() error {
	if !a.serving.Load() {
		return errors.New("starting or ending")
	}
	return nil
}

// portError tells which key of the config to change when a port cannot be opened.
func (a *app) portError(err error) error {
	opErr := (*net.OpError)(nil)
	if !errors.As(err, &opErr) || opErr.Op != "listen" || opErr.Addr == nil {
		return err
	}
	key, env, ok := a.cfg.KeyOf(opErr.Net, opErr.Addr.String())
	if !ok {
		return err
	}
	_, port, _ := net.SplitHostPort(opErr.Addr.String())
	why := fmt.Sprintf("cannot be opened (%v)", opErr.Err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "is taken by another program"
	case errors.Is(err, syscall.EACCES):
		why = "needs privileges that camgate does not have"
	}
	return fmt.Errorf("%s: %s port %s %s: set another one with that key or %s", key, protocol(opErr.Net), port, why, env)
}

func protocol(network string) string {
	if len(network) > 2 && network[:3] == "udp" {
		return "UDP"
	}
	return "TCP"
}
