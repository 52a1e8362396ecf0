package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"

	"github.com/camgate/camgate/egress/mjpeg"
	"github.com/camgate/camgate/hls"
	"github.com/camgate/camgate/rtsp"
	"github.com/camgate/camgate/web"
	"github.com/camgate/camgate/webrtc"
)

func (a *app) add(name string, run func(context.Context) error) {
	a.parts = append(a.parts, part{name, run})
}

func (a *app) addRTSP() error {
	c := a.cfg.RTSP
	if c.Address == "" {
		return nil
	}
	opts := rtsp.Options{
		Address: c.Address, RTPAddress: c.RTPAddress, RTCPAddress: c.RTCPAddress,
		Registry: a.registry, Variants: a.variants, Users: a.users, Attempts: a.attempts,
		ReaderTimeout: a.cfg.Limits.ReaderTimeout, MaxConns: c.MaxConnections,
		Logger: a.log,
	}
	if a.cfg.RTSPS() {
		cert, err := tls.LoadX509KeyPair(a.cfg.File(c.TLSCert), a.cfg.File(c.TLSKey))
		if err != nil {
			return err
		}
		opts.TLSAddress = c.TLSAddress
		opts.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	server, err := rtsp.New(opts)
	if err != nil {
		return err
	}
	a.add("rtsp", server.Run)
	return nil
}

func (a *app) addWebRTC() error {
	c := a.cfg.WebRTC
	if c.Address == "" {
		return nil
	}
	opts := webrtc.Options{
		UDPAddress: c.Address, TCPAddress: c.Address,
		Hosts: c.PublicHosts, HostsRefresh: c.PublicHostsRefresh, LoopbackOnly: a.cfg.LoopbackOnly(),
		ReaderTimeout: a.cfg.Limits.ReaderTimeout, MaxSessions: c.MaxSessions,
		Variants: a.variants, Smaller: a.smaller, Adapts: a.adapts,
		Logger: a.log.With("protocol", "webrtc"),
	}
	for _, s := range c.ICEServers {
		opts.ICEServers = append(opts.ICEServers, webrtc.ICEServer{
			URL: s.URL, Username: s.Username, Credential: string(s.Credential), Secret: string(s.Secret), TTL: s.TTL,
		})
	}
	server, err := webrtc.New(opts)
	if err != nil {
		return err
	}
	a.metrics = append(a.metrics, func() []metric { return sessions(server.Stats()) })
	a.outputs.WHEP, a.outputs.WHIP, a.outputs.Handshake = server.Handle, server.HandlePublish, server.HandleHandshake
	a.add("webrtc", server.Run)
	return nil
}

func (a *app) addHLS() error {
	c := a.cfg.HLS
	server := hls.New(hls.Options{Part: c.Part, Segment: c.Segment, Warm: c.Warm, Variants: a.variants, Log: a.log.With("protocol", "hls")})
	a.outputs.HLS = server.Handle
	a.add("hls", server.Run)
	return nil
}

func (a *app) addMJPEG() error {
	c := a.cfg.MJPEG
	server := mjpeg.New(mjpeg.Options{
		FFmpeg: c.FFmpeg, Idle: c.Idle, Quality: c.Quality, MaxFPS: float64(c.FPS), MaxDecoders: c.MaxDecoders,
		MaxRenditions: c.MaxRenditions, Steady: c.SlowViewers == "steady",
		ReaderTimeout: a.cfg.Limits.ReaderTimeout,
		Logger:        a.log.With("protocol", "mjpeg"),
	})
	a.metrics = append(a.metrics, func() []metric { return decoders(server.Stats()) })
	a.outputs.MJPEG, a.outputs.Snapshot = server.Stream, server.Snapshot
	a.add("mjpeg", server.Run)
	return nil
}

// writeMetrics writes what the outputs tell of themselves.
func (a *app) writeMetrics(w io.Writer) {
	for _, of := range a.metrics {
		writeMetrics(w, of())
	}
}

// addWeb comes last: all outputs are there, and requests are taken when the port
// opens.
func (a *app) addWeb() error {
	known := newEncoderTable(a.encoders)
	a.add("encoders", known.Run)
	opts := web.Options{
		Registry: a.registry, Users: a.users, Attempts: a.attempts, Outputs: a.outputs, Control: a.controls, Version: versionName(),
		Devices: func(ctx context.Context) any {
			found, err := allDevices(ctx)
			if err != nil {
				a.log.Warn("Raspberry Pi cameras are not listed", "err", err)
			}
			return found
		},
		Encoders:  known.Table,
		NoDropIns: !a.cfg.HTTP.DropIns, DefaultStream: a.cfg.HTTP.DefaultStream,
		RTSP:         a.cfg.RTSP.Address,
		LoopbackOnly: a.cfg.LoopbackOnly(), AllowOrigins: a.cfg.HTTP.AllowOrigins,
		Ready: a.Ready, Metrics: a.writeMetrics, Logger: a.log, Limits: web.Limits{Requests: a.cfg.HTTP.MaxRequests},
	}
	if a.cfg.RTSPS() {
		opts.RTSPS = a.cfg.RTSP.TLSAddress
	}
	server, err := web.New(opts)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", a.cfg.HTTP.Address)
	if err != nil {
		return err
	}
	a.add("http", func(ctx context.Context) error { return server.Run(ctx, listener) })
	return nil
}
