package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/cmd/camgate/doctor"
	"github.com/camgate/camgate/ingest/encode"
	"github.com/camgate/camgate/ingest/rendition"
	"github.com/camgate/camgate/ingest/trust"
	"github.com/camgate/camgate/rtsp"
)

// probeFlags are what the flags of "probe" say.
type probeFlags struct {
	file      string
	json      bool
	verbose   bool
	transport string
	tls       config.TLS
	pins      listFlag
	time      time.Duration
}

func probeCommand() command {
	return command{
		name:    "probe",
		args:    "URL | NAME -c FILE",
		summary: "examine a camera: does it play, and where not, why",
		details: `Connects to a source as the gateway would, watches its pictures for a while, and
tells what it found: certificate, login, transports, tracks, keyframes, loss,
what each output makes of it, and what to change at the camera. URL is any
source of a config; NAME is a stream of one.

It ends with 0 when the source works, and with a code of its own for each kind
of failure: 3 connection failed, 4 authentication failed, 5 timeout, 6 no video
track, 7 decoder error, 8 too many streams, 9 not found, 10 unsupported codec,
11 certificate refused; 1 is anything else.`,
		example: `camgate probe rtsp://admin:secret@192.168.1.20/stream1
camgate probe front-door -c camgate.yaml
camgate probe rtsps://192.168.1.30/live --fingerprint AA:BB:... --time 45s
camgate probe http+mjpeg://192.168.1.40/stream --json | jq .outputs`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			var f probeFlags
			flags.StringVar(&f.file, "c", "", "the config `FILE` that NAME is a stream of")
			flags.BoolVar(&f.json, "json", false, "print JSON")
			flags.BoolVar(&f.verbose, "v", false, "log what happens on standard error")
			flags.StringVar(&f.transport, "transport", "", "`HOW` media come from an RTSP camera: auto, tcp, udp, multicast, http, ws (default auto)")
			flags.Var(&f.pins, "fingerprint", "`SHA256` of the certificate or key to accept, may be given several times")
			flags.StringVar(&f.tls.CA, "ca", "", "`FILE` of the authorities to trust (PEM)")
			flags.StringVar(&f.tls.ServerName, "server-name", "", "`NAME` that the certificate has to be for")
			flags.BoolVar(&f.tls.Insecure, "insecure", false, "accept any certificate")
			flags.DurationVar(&f.time, "time", 10*time.Second, "`TIME` to watch the pictures (default 10s); from 45s on the clock's drift is known")
			return f.run
		},
	}
}

func (f *probeFlags) run(ctx context.Context, std stdio, args []string) error {
	switch {
	case len(args) != 1:
		return usagef("want one URL, or one NAME of a stream")
	case f.time <= 0:
		return usagef("--time is above zero")
	}
	cfg, opts, err := f.stream(std, args[0])
	if err != nil {
		return err
	}
	var failed error
	for _, text := range opts.Source {
		report, err := f.probe(ctx, std, cfg, opts, text)
		if err != nil {
			return err
		}
		if err := f.print(std, report); err != nil {
			return err
		}
		if report.Failure != nil && failed == nil {
			failed = &exitError{report.Failure.Exit}
		}
	}
	return failed
}

// stream finds out what is to be probed.
func (f *probeFlags) stream(std stdio, arg string) (*config.Config, *config.Stream, error) {
	_, urlErr := config.ParseSource(config.SourceURL(arg))
	file := f.file
	if file == "" && urlErr != nil && camgate.ValidName(arg) == nil {
		file = findConfig(std.environ)
	}
	cfg := config.Default()
	if file != "" {
		loaded, err := config.Load(file, std.environ)
		if err != nil {
			return nil, nil, err
		}
		cfg = loaded.Config
	}
	opts := cfg.Streams[arg]
	switch {
	case opts != nil:
	case urlErr == nil:
		opts = config.DefaultStream()
		opts.Source = []config.SourceURL{config.SourceURL(arg)}
	case file != "" && camgate.ValidName(arg) == nil:
		return nil, nil, usagef("%s has no stream %q: it has %s", file, arg, strings.Join(cfg.StreamNames(), ", "))
	default:
		return nil, nil, usagef("%v", urlErr)
	}
	return cfg, opts, f.override(opts)
}

// override lets the flags win.
func (f *probeFlags) override(opts *config.Stream) error {
	switch f.transport {
	case "":
	case "auto", "tcp", "udp", "multicast", "http", "ws":
		opts.Transport = f.transport
	default:
		return usagef("--transport: %q is none of auto, tcp, udp, multicast, http, ws", f.transport)
	}
	f.tls.Fingerprint = f.pins
	ways := 0
	for _, is := range []bool{len(f.pins) > 0, f.tls.CA != "" || f.tls.ServerName != "", f.tls.Insecure} {
		if is {
			ways++
		}
	}
	if ways > 1 {
		return usagef("--fingerprint, --insecure, and --ca with --server-name exclude each other")
	}
	if ways == 1 {
		if f.tls.CA != "" && !strings.HasPrefix(f.tls.CA, "/") {
			dir, err := os.Getwd()
			if err != nil {
				return err
			}
			f.tls.CA = dir + "/" + f.tls.CA // and not beside the config
		}
		opts.TLS = f.tls
	}
	return nil
}

// probe examines one source, which is made as the gateway makes it.
func (f *probeFlags) probe(ctx context.Context, std stdio, cfg *config.Config, opts *config.Stream, text config.SourceURL) (*doctor.Report, error) {
	parsed, err := config.ParseSource(text)
	if err != nil {
		return nil, usagef("%v", err)
	}
	if parsed.Scheme == config.SchemePublish {
		return nil, usagef("there is nobody to ask: the stream waits for one who publishes it")
	}
	log := slog.New(slog.DiscardHandler)
	if f.verbose {
		log = newLogger(std.err, config.Log{Level: "debug"})
	}
	store := trust.NewStore(cfg.StateDirectory())
	o := doctor.Options{
		Source: text.String(), Time: f.time, Patience: opts.StartTimeout, FFmpeg: cfg.MJPEG.FFmpeg,
		Transport: rtsp.Transport(opts.Transport),
		Single:    opts.SingleConnection || parsed.Scheme == config.SchemeBambuS,
		Open: func(s *camgate.Stream, t rtsp.Transport, seen func(string, trust.Facts)) (camgate.Source, error) {
			with := *opts
			with.Transport = string(t)
			return (&app{cfg: cfg, log: log, store: store, seen: seen}).newSource(s, text, parsed, &with)
		},
	}
	if parsed.URL != nil && parsed.Scheme != config.SchemeMPEGTS {
		o.Host = parsed.URL.Hostname()
	}
	if !f.json && isTerminalWriter(std.err) {
		fmt.Fprintf(std.err, "%s is watched for %v ...\n", o.Source, f.time)
	}
	makes := &app{cfg: cfg, log: log, encoders: encode.New(encode.Options{FFmpeg: cfg.MJPEG.FFmpeg, Logger: log})}
	variants := makes.newVariants(func(string) rendition.Rules { return rulesOf(opts, false) })
	ctx, cancel := context.WithCancel(ctx)
	var making sync.WaitGroup
	making.Go(func() { _ = variants.Run(ctx) })
	defer making.Wait()
	defer cancel()
	o.Variants = variants
	return doctor.Examine(ctx, o), nil
}

func (f *probeFlags) print(std stdio, r *doctor.Report) error {
	if !f.json {
		return r.Write(std.out, isTerminalWriter(std.out))
	}
	out := json.NewEncoder(std.out)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

func isTerminalWriter(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f)
}
