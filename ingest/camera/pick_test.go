package camera

import (
	"slices"
	"strings"
	"testing"

	"github.com/camgate/camgate/internal/v4l2"
)

func one(w, h int) v4l2.FrameSize {
	return v4l2.FrameSize{MinWidth: w, MaxWidth: w, MinHeight: h, MaxHeight: h}
}

func TestPick(t *testing.T) {
	webcam := []offer{
		{v4l2.YUYV, []v4l2.FrameSize{one(640, 480), one(1280, 720), one(800, 600)}},
		{v4l2.MJPEG, []v4l2.FrameSize{one(640, 480), one(1280, 720), one(1920, 1080)}},
	}
	h264 := append(slices.Clone(webcam), offer{v4l2.H264, []v4l2.FrameSize{one(1280, 720), one(1920, 1080)}})
	steps := []offer{{v4l2.YU12, []v4l2.FrameSize{{MinWidth: 32, MaxWidth: 1920, StepWidth: 2, MinHeight: 32, MaxHeight: 1080, StepHeight: 2}}}, {v4l2.NV12, nil}}
	for _, tt := range []struct {
		name          string
		offers        []offer
		format        string
		width, height int
		want          string
	}{
		{"compressed before raw", webcam, "auto", 1280, 720, "MJPG 1280x720"},
		{"H264 before MJPEG", h264, "", 1280, 720, "H264 1280x720"},
		{"MJPEG, as H264 has no such size", h264, "auto", 640, 480, "MJPG 640x480"},
		{"raw, as nothing else has it", h264, "auto", 800, 600, "YUYV 800x600"},
		{"the nearest of the best", h264, "auto", 1300, 730, "H264 1280x720"},
		{"larger rather than smaller", webcam, "mjpeg", 1700, 950, "MJPG 1920x1080"},
		{"the same shape", webcam, "mjpeg", 700, 394, "MJPG 1280x720"},
		{"as told", webcam, "raw", 640, 480, "YUYV 640x480"},
		{"by pixel format", webcam, "yuyv", 1280, 720, "YUYV 1280x720"},
		{"not there", webcam, "h264", 640, 480, ""},
		{"not there either", webcam, "NV12", 640, 480, ""},
		{"in steps", steps, "YU12", 1281, 721, "YU12 1282x722"},
		{"a device that tells no sizes", steps, "NV12", 1281, 721, "NV12 1281x721"},
		{"what camgate does not take", []offer{{0x33424752 + 1, nil}}, "auto", 640, 480, ""},
	} {
		w, err := ParseFormat(tt.format)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if c, ok := pick(tt.offers, w, tt.width, tt.height); ok {
			got = c.pixels.String() + " " + itoa(c.width) + "x" + itoa(c.height)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if _, err := ParseFormat("vp8"); err == nil || !strings.Contains(err.Error(), "NV12, NM12") {
		t.Error(err)
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func TestPickInterval(t *testing.T) {
	list := []v4l2.FrameInterval{}
	for _, d := range []uint32{5, 10, 15, 30} {
		list = append(list, v4l2.FrameInterval{Min: v4l2.Fraction{Numerator: 1, Denominator: d}, Max: v4l2.Fraction{Numerator: 1, Denominator: d}})
	}
	steps := []v4l2.FrameInterval{{Min: v4l2.Fraction{Numerator: 1, Denominator: 60}, Max: v4l2.Fraction{Numerator: 1, Denominator: 1}}}
	for _, tt := range []struct {
		list []v4l2.FrameInterval
		fps  float64
		want v4l2.Fraction
	}{
		{list, 30, v4l2.Fraction{Numerator: 1, Denominator: 30}},
		{list, 25, v4l2.Fraction{Numerator: 1, Denominator: 30}},
		{list, 12.5, v4l2.Fraction{Numerator: 1, Denominator: 15}}, // the faster of two
		{list, 1, v4l2.Fraction{Numerator: 1, Denominator: 5}},
		{steps, 29.97, v4l2.Fraction{Numerator: 1001, Denominator: 30000}},
		{steps, 100, v4l2.Fraction{Numerator: 1, Denominator: 60}},
		{steps, 0.5, v4l2.Fraction{Numerator: 1, Denominator: 1}},
		{nil, 7.5, v4l2.Fraction{Numerator: 1000, Denominator: 7500}},
	} {
		if got := pickInterval(tt.list, tt.fps); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.fps, got, tt.want)
		}
	}
}
