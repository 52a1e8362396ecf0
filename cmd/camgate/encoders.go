package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

// encoderTrial is what the flags of "encoders" say.
type encoderTrial struct {
	size, codec, ffmpeg string
	fps                 float64
	json                bool
}

func encodersCommand() command {
	return command{
		name:    "encoders",
		summary: "which encoders really work here, by trial",
		details: `Tries all encoders that camgate knows, in hardware and in software: each encodes some
pictures of the wanted size, which are counted, looked at, decoded and timed. It prints
what works and how fast it is, why the others do not work, and which one "auto" takes.
A question mark stands for one that ran out of time because the machine is busy.

It ends with 1 when nothing works.`,
		example: `camgate encoders
camgate encoders --size 1920x1080 --fps 25
camgate encoders --codec H265 --json`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			var t encoderTrial
			flags.StringVar(&t.size, "size", "1280x720", "`WxH` of the pictures (default 1280x720)")
			flags.Float64Var(&t.fps, "fps", 30, "`N` pictures per second that are needed (default 30)")
			flags.StringVar(&t.codec, "codec", "", "`CODEC` to try: H264, H265 or MJPEG (default all)")
			flags.StringVar(&t.ffmpeg, "ffmpeg", "", "`FILE` of the ffmpeg to use (default that in PATH)")
			flags.BoolVar(&t.json, "json", false, "print a JSON array")
			return func(ctx context.Context, std stdio, args []string) error {
				if len(args) > 0 {
					return usagef("unexpected argument %q", args[0])
				}
				return t.run(ctx, std)
			}
		},
	}
}

func (t encoderTrial) run(ctx context.Context, std stdio) error {
	want := encode.Settings{FPS: t.fps}
	if n, err := fmt.Sscanf(t.size+"\n", "%dx%d\n", &want.Width, &want.Height); err != nil || n != 2 || want.Width < 16 || want.Height < 16 || want.Width > 8192 || want.Height > 8192 {
		return usagef("--size is a width and a height, as 1280x720")
	}
	if !(t.fps >= 1 && t.fps <= 1000) {
		return usagef("--fps is from 1 to 1000")
	}
	codecs := encodable()
	if t.codec != "" {
		codecs = []camgate.Codec{camgate.Codec(strings.ToUpper(t.codec))}
		if c := codecs[0]; c != camgate.H264 && c != camgate.H265 && c != camgate.MJPEG {
			return usagef("--codec is H264, H265 or MJPEG")
		}
	}
	// Without a state directory: who asks wants to know how it is now.
	all := encode.New(encode.Options{FFmpeg: t.ffmpeg})
	table := []encode.Proof{}
	for _, codec := range codecs {
		want.Codec = codec
		list, err := all.Prove(ctx, want)
		if errors.Is(err, camgate.ErrNotInstalled) && t.ffmpeg != "" {
			return fmt.Errorf("camgate: there is no program %s", t.ffmpeg)
		}
		if err != nil {
			return fmt.Errorf("camgate: %w", err)
		}
		table = append(table, list...)
	}
	if t.json {
		e := json.NewEncoder(std.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(table); err != nil {
			return err
		}
	} else {
		t.print(std.out, table)
	}
	busy := false
	for _, p := range table {
		if p.Works {
			return nil
		}
		busy = busy || p.Busy
	}
	if busy {
		return errors.New("camgate: no encoder could be tried to its end, the machine is busy: try again when it has less to do")
	}
	return fmt.Errorf("camgate: no encoder makes pictures of %s at %g per second here", t.size, t.fps)
}

func (t encoderTrial) print(out io.Writer, table []encode.Proof) {
	fmt.Fprintf(out, "Tried with pictures of %s; %g per second are needed.\n", t.size, t.fps)
	var codec camgate.Codec
	for _, p := range table {
		if p.Codec != codec {
			codec = p.Codec
			fmt.Fprintf(out, "\n%s\n", codec)
		}
		what := p.Reason
		if p.Works {
			what = fmt.Sprintf("%.0f per second", p.FPS)
			if p.Chosen {
				what += ", taken by auto"
			}
		}
		verdict := "no"
		switch {
		case p.Works:
			verdict = "works"
		case p.Busy:
			verdict = "?"
		}
		fmt.Fprintf(out, "  %-18s %-5s %s\n", p.Name, verdict, what)
	}
}
