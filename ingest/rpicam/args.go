package rpicam

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/camgate/camgate"
)

// known are the options that a program has, from its help.
type known map[string]bool

var longOption = regexp.MustCompile(`--([a-z][a-z0-9-]+)`)

func optionsIn(help string) known {
	k := known{}
	for _, m := range longOption.FindAllStringSubmatch(help, -1) {
		k[m[1]] = true
	}
	return k
}

const (
	defaultGOP = time.Second // it cannot be asked for a keyframe
	defaultFPS = 30
	// pixelsOfLevel4 is what the encoder of a Pi takes in a second at the level that it
	// has by default, 4.0; with 4.2 it takes twice as much.
	pixelsOfLevel4 = 1920 * 1088 * 30
)

// args are the arguments for what is asked, as far as the program knows them.
//
// On a Pi 0 to 4 the hardware encodes. A Pi 5 has no encoder: there the program uses
// libx264, which makes B-frames and holds pictures back unless told not to, and wants
// to be told the format where the output has no name. These options do no harm where
// the hardware encodes.
func (o *Options) args(k known) ([]string, error) {
	fps := o.FPS
	if fps <= 0 {
		fps = defaultFPS
	}
	args := []string{"-t", "0", "-n", "--camera", strconv.Itoa(o.Camera), "--framerate", strconv.FormatFloat(fps, 'f', -1, 64)}
	if o.Width > 0 && o.Height > 0 {
		args = append(args, "--width", strconv.Itoa(o.Width), "--height", strconv.Itoa(o.Height))
	}
	if k["verbose"] {
		args = append(args, "--verbose", "0") // else it has a line for each picture
	}
	if o.Codec == camgate.MJPEG {
		args = append(args, "--codec", "mjpeg")
		if o.Quality > 0 {
			args = append(args, "--quality", strconv.Itoa(o.Quality))
		}
	} else {
		args = append(args, o.h264(k, fps)...)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Controls)) {
		option, err := option(name, o.Controls[name])
		if err != nil {
			return nil, &ControlError{name, err}
		}
		if len(option) > 0 && len(k) > 0 && !k[option[0][2:]] {
			return nil, fmt.Errorf("%w: it has no option %s: leave out the control %s, or install a newer version", ErrOldProgram, option[0], name)
		}
		args = append(args, option...)
	}
	return append(args, "--flush", "-o", "-"), nil
}

func (o *Options) h264(k known, fps float64) []string {
	gop := o.GOP
	if gop <= 0 {
		gop = defaultGOP
	}
	args := []string{"--codec", "h264", "--inline", "-g", strconv.Itoa(max(int(gop.Seconds()*fps+0.5), 1))}
	if o.Bitrate > 0 {
		args = append(args, "-b", strconv.Itoa(o.Bitrate))
	}
	if o.Controls["profile"] == "" {
		args = append(args, "--profile", "baseline")
	}
	if o.Controls["level"] == "" && float64(o.Width*o.Height)*fps > pixelsOfLevel4 {
		args = append(args, "--level", "4.2")
	}
	switch {
	case k["low-latency"]:
		args = append(args, "--low-latency")
	case k["libav-video-codec-opts"]: // before there was an option for it
		args = append(args, "--libav-video-codec-opts", "tune=zerolatency")
	}
	if k["libav-format"] {
		args = append(args, "--libav-format", "h264")
	}
	return args
}
