package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// listFlag is a flag that may be given several times.
type listFlag []string

func (l *listFlag) String() string         { return strings.Join(*l, " ") }
func (l *listFlag) Set(value string) error { *l = append(*l, value); return nil }

// fakecamFlags are what the flags of "fakecam" say.
type fakecamFlags struct {
	options fakecam.Options
	clip    string
	second  string
	faults  listFlag
	record  string
	list    bool
}

func fakecamCommand() command {
	return command{
		name:    "fakecam",
		summary: "a camera that misbehaves as told, to try clients with",
		details: `Serves a clip as an RTSP camera would, with faults: to see what a client or a
gateway makes of a bad camera. Without a fault it is a good one. Faults can be
combined; --list shows all of them. It ends with SIGINT or SIGTERM.`,
		example: `camgate fakecam
camgate fakecam --fault udp-461 --fault kill=10s
camgate fakecam --tls --user admin --password secret --fault digest-sha256
camgate fakecam --clip yard.mp4 --fault loss=5% --fault jitter=50ms
camgate fakecam --fault gone=5s,3s --fault heal=3
camgate fakecam --backchannel pcmu --record heard.au`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			var f fakecamFlags
			o := &f.options
			flags.StringVar(&o.Listen, "listen", "127.0.0.1:8555", "`HOST:PORT` to listen on (default 127.0.0.1:8555)")
			flags.StringVar(&o.Path, "path", "/cam", "`PATH` of the stream (default /cam)")
			flags.StringVar(&f.clip, "clip", "", "`FILE` to show: MP4 with H264 or H265, AAC or Opus (default the demo clip)")
			flags.StringVar(&f.second, "second-clip", "", "`FILE` that the fault sps-change goes over to (default a test pattern)")
			flags.BoolVar(&o.TLS, "tls", false, "RTSPS, with a new certificate signed by itself")
			flags.StringVar(&o.CommonName, "common-name", "", "`NAME` in that certificate (default fakecam)")
			flags.StringVar(&o.User, "user", "", "`NAME` to ask for (default nobody is asked)")
			flags.StringVar(&o.Password, "password", "", "`PASSWORD` to ask for")
			flags.DurationVar(&o.SessionTimeout, "timeout", 0, "`TIME` after which a session without a sign of life ends (default 60s)")
			flags.DurationVar(&o.ReportInterval, "report-interval", 0, "`TIME` between sender reports (default 5s)")
			flags.StringVar(&o.BackChannel, "backchannel", "", "`LAW` of its loudspeaker, to which clients can talk (ONVIF back channel): pcmu or pcma (default it has none)")
			flags.StringVar(&f.record, "record", "", "`FILE` that is to get what comes to the loudspeaker (.au)")
			flags.Uint64Var(&o.Seed, "seed", 0, "`N` to have the same losses and delays each time (default they differ)")
			flags.Var(&f.faults, "fault", "`NAME[=ARG]` a fault, may be given several times")
			flags.BoolVar(&f.list, "list", false, "list all faults")
			return f.run
		},
	}
}

func (f *fakecamFlags) run(ctx context.Context, std stdio, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q", args[0])
	}
	if f.list {
		fmt.Fprint(std.out, fakecam.List())
		return nil
	}
	if f.options.SessionTimeout < 0 || f.options.ReportInterval < 0 {
		return usagef("a time below zero")
	}
	o := f.options
	o.Faults = f.faults
	o.Clip = demo.Clip()
	for _, file := range []struct {
		name string
		into *[]byte
	}{{f.clip, &o.Clip}, {f.second, &o.SecondClip}} {
		if file.name == "" {
			continue
		}
		data, err := os.ReadFile(file.name)
		if err != nil {
			return fmt.Errorf("camgate: %w", err)
		}
		*file.into = data
	}
	o.Logger = slog.New(slog.NewTextHandler(std.err, nil))
	if f.record != "" {
		file, err := recording(f.record, &o)
		if err != nil {
			return fmt.Errorf("camgate: %w", err)
		}
		defer file.Close()
	}
	cam, err := fakecam.New(o)
	var invalid *fakecam.InvalidFaultError
	if errors.As(err, &invalid) {
		return usagef("%v (camgate fakecam --list shows all faults)", err)
	}
	if err != nil {
		return fmt.Errorf("camgate: fakecam: %w", err)
	}
	fmt.Fprintf(std.out, "The camera is at %s\n", cam.URL())
	if o.User != "" {
		fmt.Fprintf(std.out, "  user        %s\n", o.User)
	}
	if fingerprint := cam.Fingerprint(); fingerprint != "" {
		fmt.Fprintf(std.out, "  fingerprint %s\n", fingerprint)
	}
	for _, fault := range f.faults {
		fmt.Fprintf(std.out, "  fault       %s\n", fault)
	}
	if err := cam.Run(ctx); err != nil {
		return fmt.Errorf("camgate: fakecam: %w", err)
	}
	return nil
}

// recording is a file that gets what comes to the loudspeaker.
func recording(name string, o *fakecam.Options) (io.Closer, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	o.Heard = func(h fakecam.Heard) {
		if h.Packet != nil {
			_, _ = file.Write(h.Packet.Payload) // a full disk is no reason to end the camera
		}
	}
	if _, err = file.Write(o.Header()); err != nil {
		file.Close()
	}
	return file, err
}
