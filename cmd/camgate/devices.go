package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"

	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest/camera"
	"github.com/camgate/camgate/ingest/rpicam"
)

func devicesCommand() command {
	return command{
		name:    "devices",
		summary: "list the cameras of this machine",
		details: `Lists the cameras that Linux has a video device for (USB cameras, capture cards): what
they are called, the formats, sizes and rates that they have, what can be set at them, and
who has them open; and, by the program rpicam-hello, the CSI cameras of a Raspberry Pi (not
with --json); with a line for each to paste under "streams:".

It ends with 1 when there is no camera. Nothing is set at any, and none is started.`,
		example: `camgate devices
camgate devices --json`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			asJSON := flags.Bool("json", false, "print a JSON array")
			return func(ctx context.Context, std stdio, args []string) error {
				if len(args) > 0 {
					return usagef("unexpected argument %q", args[0])
				}
				found, pi := camera.Devices(), 0
				if !*asJSON {
					pi = listRPiCams(ctx, std)
				}
				if pi > 0 && len(found) == 0 {
					return nil
				}
				return devices(std, found, *asJSON)
			}
		},
	}
}

// listRPiCams prints the CSI cameras of a Raspberry Pi and returns how many there are.
func listRPiCams(ctx context.Context, std stdio) int {
	found, err := rpicam.Cameras(ctx)
	if err != nil && !errors.Is(err, rpicam.ErrNoProgram) { // without it this is no Raspberry Pi
		fmt.Fprintln(std.err, "camgate:", err)
	}
	for _, c := range found {
		fmt.Fprintf(std.out, "rpicam://%d  %s\n  sensor    %s\n  path      %s\n", c.Number, c.Sensor, c.Detail, c.Path)
		for _, m := range c.Modes {
			fmt.Fprintf(std.out, "  mode      %-14s %dx%d up to %g a second\n", m.Pixels, m.Width, m.Height, m.FPS)
		}
		fmt.Fprintf(std.out, "  config    pi: {source: \"rpicam://%d\"}\n\n", c.Number)
	}
	return len(found)
}

func devices(std stdio, found []camera.Device, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(std.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(found); err != nil {
			return err
		}
	} else {
		for i, d := range found {
			if i > 0 {
				fmt.Fprintln(std.out)
			}
			printCamera(std.out, d)
		}
	}
	if _, err := exec.LookPath(config.Default().MJPEG.FFmpeg); err != nil {
		fmt.Fprintln(std.err, "camgate: there is no ffmpeg: only what a camera compresses itself can be served, and MJPEG only of cameras that give it")
	}
	switch {
	case len(found) > 0:
		return nil
	case runtime.GOOS != "linux":
		return errors.New("camgate: local cameras are for Linux only")
	}
	return errors.New("camgate: there is no camera in this machine: no /dev/video* gives pictures (in a container, hand them in with --device)")
}

func printCamera(out io.Writer, d camera.Device) {
	fmt.Fprintf(out, "%s  %s\n", d.Path, d.Name)
	row := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(out, "  %-9s %s\n", name, text)
		}
	}
	row("driver", "%s", strings.TrimSpace(d.Driver+"  "+d.Bus))
	row("serial", "%s", d.Serial)
	for _, link := range d.Links {
		row("also", "%s", link)
	}
	row("error", "%s", d.Err)
	row("signal", "%s", d.Signal)
	for _, h := range d.Holders {
		row("held by", "%s", h)
	}
	unused := []string{}
	for _, f := range d.Formats {
		if f.Codec == "" {
			unused = append(unused, f.Name)
			continue
		}
		row("format", "%-5s %s", f.Name, f.Codec)
		for _, s := range f.Sizes {
			fmt.Fprintf(out, "            %s\n", sizeText(s))
		}
	}
	row("format", "%s", strings.Join(unused, " ")+notTaken(unused))
	for _, c := range d.Controls {
		text := fmt.Sprintf("%s = %d", c, c.Value)
		if c.Inactive {
			text += ", locked by another one"
		}
		row("control", "%s", text)
	}
	row("config", "%s: {source: %q}", "camera", camera.Scheme+"://"+sourceOf(d))
}

func notTaken(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": not taken"
}

func sizeText(s camera.Size) string {
	text := fmt.Sprintf("%dx%d", s.Width, s.Height)
	join := ", "
	if s.MaxWidth > 0 {
		text += fmt.Sprintf(" to %dx%d", s.MaxWidth, s.MaxHeight)
	}
	var rates []string
	for _, fps := range s.FPS {
		rates = append(rates, fmt.Sprintf("%.4g", fps))
	}
	if len(rates) > 0 {
		text += " at " + strings.Join(rates, join)
	}
	return text
}

// sourceOf is how a camera is best named: in a way that stays when it is plugged in
// again.
func sourceOf(d camera.Device) string {
	for _, link := range d.Links {
		if strings.Contains(link, "/by-id/") {
			return link
		}
	}
	return d.Path
}
