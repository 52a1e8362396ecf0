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
who has them open; and, by the program rpicam-hello, the CSI cameras of a Raspberry Pi; with
a line for each to paste under "streams:".

It ends with 1 when there is no camera. Nothing is set at any, and none is started.`,
		example: `camgate devices
camgate devices --json`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			asJSON := flags.Bool("json", false, "print a JSON array")
			return func(ctx context.Context, std stdio, args []string) error {
				if len(args) > 0 {
					return usagef("unexpected argument %q", args[0])
				}
				found, err := allDevices(ctx)
				if err != nil {
					fmt.Fprintln(std.err, "camgate:", err)
				}
				return devices(std, found, *asJSON)
			}
		},
	}
}

// allDevices lists the cameras of this machine: those with a video device, then the CSI
// cameras of a Raspberry Pi. An error leaves the list as far as it is known.
func allDevices(ctx context.Context) ([]device, error) {
	out := []device{}
	for _, d := range camera.Devices() {
		out = append(out, device{Source: camera.Scheme + "://" + sourceOf(d), Device: d})
	}
	found, err := rpicam.Cameras(ctx)
	if errors.Is(err, rpicam.ErrNoProgram) { // this is no Raspberry Pi
		err = nil
	}
	for _, c := range found {
		out = append(out, ofRPiCam(c))
	}
	return out, err
}

// device is a camera with the source that takes it.
type device struct {
	Source string `json:"source"` // as for "source" in the config
	camera.Device
}

// rpicamDriver is the driver of a camera that is taken by rpicam-vid.
const rpicamDriver = "rpicam"

// ofRPiCam describes a CSI camera as the others are: the modes of its sensor are its
// formats, and as rpicam-vid makes H264 or MJPEG of each at any size, that is no codec.
func ofRPiCam(c rpicam.Camera) device {
	d := device{Source: fmt.Sprintf("rpicam://%d", c.Number), Device: camera.Device{
		Path: c.Path, Name: c.Sensor, Driver: rpicamDriver, Bus: "CSI",
		Links: []string{}, Formats: []camera.Format{}, Controls: []camera.Control{}, Holders: []camera.Holder{},
	}}
	for _, m := range c.Modes {
		size := camera.Size{Width: m.Width, Height: m.Height, FPS: []float64{m.FPS}}
		if n := len(d.Formats); n == 0 || d.Formats[n-1].Name != m.Pixels {
			d.Formats = append(d.Formats, camera.Format{Name: m.Pixels, Description: c.Detail})
		}
		f := &d.Formats[len(d.Formats)-1]
		f.Sizes = append(f.Sizes, size)
	}
	return d
}

func devices(std stdio, found []device, asJSON bool) error {
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

func printCamera(out io.Writer, d device) {
	if d.Driver == rpicamDriver {
		fmt.Fprintf(out, "%s  %s\n  path      %s\n", d.Source, d.Name, d.Path)
		for i, f := range d.Formats {
			if i == 0 {
				fmt.Fprintf(out, "  sensor    %s\n", f.Description)
			}
			for _, s := range f.Sizes {
				fmt.Fprintf(out, "  mode      %-14s %s\n", f.Name, sizeText(s))
			}
		}
		fmt.Fprintf(out, "  config    pi: {source: %q}\n", d.Source)
		return
	}
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
	row("config", "camera: {source: %q}", d.Source)
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
