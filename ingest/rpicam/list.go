package rpicam

import (
	"context"
	"regexp"
	"strconv"
	"strings"
)

// Camera is one of those that the system has found.
type Camera struct {
	Number int    // as in rpicam://0
	Sensor string // such as imx708
	Detail string // size and pixels of the sensor
	Path   string // in the device tree
	Modes  []Mode
}

// Mode is what the sensor can deliver.
type Mode struct {
	Pixels        string // such as SRGGB10_CSI2P
	Width, Height int
	FPS           float64 // at the most
}

// Cameras asks which cameras there are. It fails with ErrNoProgram where this is no
// Raspberry Pi; no camera is no error.
func Cameras(ctx context.Context, programs ...string) ([]Camera, error) {
	if len(programs) == 0 {
		programs = []string{"rpicam-hello", "libcamera-hello", "rpicam-vid", "libcamera-vid"}
	}
	path, err := find(programs)
	if err != nil {
		return nil, err
	}
	text, err := output(ctx, path, "--list-cameras")
	if err != nil {
		return nil, explain(err)
	}
	return parseCameras(text), nil
}

var (
	cameraLine = regexp.MustCompile(`^(\d+) : (\S+)(?: \[([^\]]*)\])?(?: \((.*)\))?\s*$`)
	modeName   = regexp.MustCompile(`'([^']+)' :`)
	modeSize   = regexp.MustCompile(`(\d+)x(\d+) \[([0-9.]+) fps`)
)

// maxCameras bounds what is taken of a list.
const maxCameras = 64

func parseCameras(text string) (out []Camera) {
	pixels := ""
	for line := range strings.Lines(text) {
		if m := cameraLine.FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil || len(out) == maxCameras {
				continue
			}
			out = append(out, Camera{Number: n, Sensor: m[2], Detail: m[3], Path: m[4]})
			continue
		}
		if len(out) == 0 {
			continue
		}
		if m := modeName.FindStringSubmatch(line); m != nil {
			pixels = m[1]
		}
		if m := modeSize.FindStringSubmatch(line); m != nil {
			mode := Mode{Pixels: pixels}
			mode.Width, _ = strconv.Atoi(m[1])
			mode.Height, _ = strconv.Atoi(m[2])
			mode.FPS, _ = strconv.ParseFloat(m[3], 64)
			out[len(out)-1].Modes = append(out[len(out)-1].Modes, mode)
		}
	}
	return out
}
