package rpicam

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/camgate/camgate"
)

// A program of a Raspberry Pi, as far as camgate knows it: it has the options of the
// version, refuses others as boost::program_options does, and writes real H264.
const fake = `#!/bin/sh
options="timeout nopreview camera framerate width height codec inline bitrate intra profile level flush output verbose hflip vflip rotation roi gain shutter awb sharpness quality libav-format $OPTIONS"
for arg; do
	case "$arg" in
	--help)
		echo "Valid options are:"
		for o in $options; do echo "  -x [ --$o ] arg (=0)    Set $o"; done
		exit 0 ;;
	--list-cameras) cat "$0.cameras"; exit 0 ;;
	--*)
		found=
		for o in $options; do [ "--$o" = "$arg" ] && found=1; done
		[ -n "$found" ] || { echo "ERROR: *** unrecognised option '$arg' ***" >&2; exit 255; } ;;
	esac
done
echo "$@" >>"$0.args"
[ -z "$SAYS" ] || { echo "$SAYS" >&2; exit 255; }
exec ffmpeg -v error -re -f lavfi -i testsrc2=s=320x180:r=25 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -g 10 -flush_packets 1 -f h264 -
`

func program(t *testing.T, name, options, says string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	script := strings.NewReplacer("$OPTIONS", options, "$SAYS", says).Replace(fake)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	path := program(t, "rpicam-vid", "low-latency libav-video-codec-opts hdr", "")
	source, err := New(Options{
		Camera: 1, Width: 320, Height: 180, FPS: 25, Bitrate: 1e6, GOP: 2 * time.Second,
		Controls: map[string]string{"hflip": "true", "vflip": "false", "hdr": "auto", "shutter": "10ms"},
		Programs: []string{"camgate-no-such-program", path},
	})
	if err != nil {
		t.Fatal(err)
	}
	if source.String() != "rpicam://1" {
		t.Errorf("it is %s", source)
	}
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		stream := camgate.NewRendition("pi", camgate.StreamLimits{})
		done := make(chan error, 1)
		go func() { done <- source.Run(ctx, stream) }()
		if _, err := stream.Ready(ctx); err != nil {
			t.Fatalf("%v, %v", err, <-done)
		}
		reader, err := stream.Subscribe(ctx, camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 15 {
			u, err := reader.Next()
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 && (!u.RandomAccess || u.Track.Codec != camgate.H264) {
				t.Errorf("begins with %+v", u)
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
	b, err := os.ReadFile(path + ".args")
	want := "-t 0 -n --camera 1 --framerate 25 --width 320 --height 180 --verbose 0 --codec h264 --inline -g 50 -b 1000000 --profile baseline " +
		"--low-latency --libav-format h264 --hdr auto --hflip --shutter 10000 --flush -o -\n"
	if string(b) != want+want {
		t.Errorf("arguments %q, %v, want twice %q", b, err, want)
	}
}

// What each version of the program is told; the table is that of docs/sources.md.
func TestArgs(t *testing.T) {
	base := "timeout nopreview camera framerate width height codec inline verbose"
	for _, tt := range []struct {
		name     string
		o        Options
		has      string
		want     []string // in the arguments
		not      []string
		sentinel error
	}{
		{name: "rpicam-apps 1.9.1", has: base + " low-latency libav-format libav-video-codec-opts", want: []string{"--low-latency", "--libav-format h264"}, not: []string{"tune=zerolatency"}},
		{name: "before", has: base + " libav-format libav-video-codec-opts", want: []string{"--libav-video-codec-opts tune=zerolatency", "--libav-format h264"}, not: []string{"--low-latency"}},
		{name: "libcamera-apps without libav", has: base, want: []string{"--codec h264 --inline -g 30"}, not: []string{"libav", "low-latency"}},
		{name: "quick pictures", o: Options{Width: 1920, Height: 1080, FPS: 50}, has: base, want: []string{"--level 4.2", "--framerate 50", "-g 50"}},
		{name: "usual pictures", o: Options{Width: 1920, Height: 1080, FPS: 30}, has: base, not: []string{"--level"}},
		{name: "few pictures", o: Options{FPS: 0.5}, has: base, want: []string{"--framerate 0.5", "-g 1 "}},
		{name: "JPEG", o: Options{Codec: camgate.MJPEG, Quality: 70}, has: base, want: []string{"--codec mjpeg --quality 70"}, not: []string{"--inline", "-g ", "--profile"}},
		{name: "profile", o: Options{Controls: map[string]string{"profile": "high", "level": "4.2"}}, has: base + " profile level", want: []string{"--profile high", "--level 4.2"}, not: []string{"baseline"}},
		{name: "an option that it has not", o: Options{Controls: map[string]string{"hdr": "auto"}}, has: base, sentinel: ErrOldProgram},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := known{}
			for f := range strings.FieldsSeq(tt.has) {
				k[f] = true
			}
			args, err := tt.o.args(k)
			if !errors.Is(err, tt.sentinel) {
				t.Fatal(err)
			}
			line := strings.Join(args, " ") + " "
			for _, w := range tt.want {
				if !strings.Contains(line, w) {
					t.Errorf("no %q in %s", w, line)
				}
			}
			for _, n := range tt.not {
				if strings.Contains(line, n) {
					t.Errorf("%q in %s", n, line)
				}
			}
		})
	}
}

func TestControls(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        []string
		err         string
	}{
		{"hflip", "yes", []string{"--hflip"}, ""},
		{"vflip", "off", nil, ""},
		{"hflip", "left", nil, "true or false"},
		{"rotation", "180", []string{"--rotation", "180"}, ""},
		{"rotation", "90", nil, "0, 180"},
		{"hdr", "false", []string{"--hdr", "off"}, ""},
		{"roi", "0.25, 0.25,0.5,0.5", []string{"--roi", "0.25,0.25,0.5,0.5"}, ""},
		{"roi", "0,0,1", nil, "4 numbers"},
		{"roi", "0,0,2,1", nil, "4 numbers"},
		{"shutter", "1/100", nil, "10ms"},
		{"shutter", "8000", []string{"--shutter", "8000"}, ""},
		{"gain", "2.5", []string{"--gain", "2.5"}, ""},
		{"gain", "NaN", nil, "from 0 to 64"},
		{"brightness", "-0.1", []string{"--brightness", "-0.1"}, ""},
		{"awb", "Daylight", []string{"--awb", "daylight"}, ""},
		{"autofocus-mode", "continuous", []string{"--autofocus-mode", "continuous"}, ""},
		{"tuning_file", "--output", nil, "dash"},
		{"output", "/etc/passwd", nil, "none of this name"},
	} {
		got, err := option(tt.name, tt.value)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s %s: error %v, want %q", tt.name, tt.value, err, tt.err)
		case tt.err == "" && (err != nil || !slices.Equal(got, tt.want)):
			t.Errorf("%s %s: %q, %v", tt.name, tt.value, got, err)
		}
	}
	if wrong := Check(map[string]string{"gain": "x", "awb": "auto", "zoom": "2"}); len(wrong) != 2 || wrong[0].Name != "gain" || wrong[1].Name != "zoom" {
		t.Errorf("%v", wrong)
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		says string
		want error
	}{
		{"ERROR: *** no cameras available ***", ErrNoCamera},
		{"ERROR: *** selected camera is not available ***", ErrNoSuchCamera},
		{"[0:1] ERROR Camera camera.cpp:675 Camera in Configured state; Pipeline handler in use by another process", ErrBusy},
		{"ERROR: *** failed to acquire camera /base/soc/i2c0mux/i2c@1/imx219@10 ***", ErrBusy},
		{"ERROR V4L2 v4l2_device.cpp:390 open: Permission denied", ErrPermission},
		{"ERROR: Device timeout detected, attempting a restart!!!", ErrStuck},
		{"ERROR: *** failed to configure streams ***", ErrMode},
		{"something else", camgate.ErrConnectionFailed},
	} {
		source, err := New(Options{Programs: []string{program(t, "rpicam-vid", "low-latency", tt.says)}})
		if err != nil {
			t.Fatal(err)
		}
		err = source.Run(t.Context(), camgate.NewRendition("pi", camgate.StreamLimits{}))
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v", tt.says, err)
		}
	}
	source, err := New(Options{Programs: []string{"camgate-no-such-program"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Run(t.Context(), camgate.NewRendition("pi", camgate.StreamLimits{})); !errors.Is(err, ErrNoProgram) || !errors.Is(err, camgate.ErrNotInstalled) {
		t.Errorf("without a program: %v", err)
	}
	if _, err := New(Options{Codec: camgate.H265}); !errors.Is(err, camgate.ErrUnsupportedCodec) {
		t.Errorf("H265: %v", err)
	}
}

const listed = `Available cameras
-----------------
0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB10_CSI2P' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]
                             1640x1232 [41.85 fps - (0, 0)/3280x2464 crop]
           'SRGGB8' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]

1 : imx708_wide [4608x2592] (/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SBGGR10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
`

func TestCameras(t *testing.T) {
	want := []Camera{
		{0, "imx219", "3280x2464 10-bit RGGB", "/base/soc/i2c0mux/i2c@1/imx219@10", []Mode{
			{"SRGGB10_CSI2P", 640, 480, 206.65}, {"SRGGB10_CSI2P", 1640, 1232, 41.85}, {"SRGGB8", 640, 480, 206.65},
		}},
		{1, "imx708_wide", "4608x2592", "/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a", []Mode{{"SBGGR10_CSI2P", 1536, 864, 120.13}}},
	}
	path := program(t, "rpicam-hello", "", "")
	for text, want := range map[string][]Camera{listed: want, "No cameras available!\n": nil} {
		if err := os.WriteFile(path+".cameras", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Cameras(t.Context(), path)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%v, -want +got:\n%s", err, d)
		}
	}
	if _, err := Cameras(t.Context(), "camgate-no-such-program"); !errors.Is(err, ErrNoProgram) {
		t.Errorf("without a program: %v", err)
	}
}

func FuzzParseCameras(f *testing.F) {
	f.Add(listed)
	f.Fuzz(func(t *testing.T, text string) {
		if got := parseCameras(text); len(got) > maxCameras {
			t.Errorf("%d cameras", len(got))
		}
	})
}
