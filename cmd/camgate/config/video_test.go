package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVideo(t *testing.T) {
	tests := map[string]struct{ stream, want string }{
		"nothing":            {`source: demo, video: {}, profiles: {}`, ""},
		"all":                {`source: demo, video: {codec: h265, size: 1280x720, fps: 25, bitrate: 2M, gop: 2s, encoder: libx265}, profiles: {sub: {size: 640x360}}`, ""},
		"odd size":           {`source: demo, video: {size: 641x360}`, `streams.cam.video.size: "641x360" is no size of a picture: write columns and lines, as in 1280x720: even numbers from 16 to 8192`},
		"half a size":        {`source: demo, video: {size: 640}`, `streams.cam.video.size: "640" is no size of a picture: write columns and lines, as in 1280x720: even numbers from 16 to 8192`},
		"codec":              {`source: demo, video: {codec: h266}`, `streams.cam.video.codec: "h266" is none of auto, h264, h265, mjpeg`},
		"fps":                {`source: demo, video: {fps: 1000}`, `streams.cam.video.fps: "1000" is more than 240`},
		"bitrate":            {`source: demo, video: {bitrate: 2000}`, `streams.cam.video.bitrate: is from 10k to 200M bits in a second`},
		"bitrate of jpeg":    {`source: demo, profiles: {mjpeg: {codec: mjpeg, bitrate: 2M}}`, `streams.cam.profiles.mjpeg.bitrate: mjpeg has none: set its quality`},
		"gop":                {`source: demo, video: {gop: 1ms}`, `streams.cam.video.gop: is from 100ms to 1m0s`},
		"quality":            {`source: demo, video: {quality: 50}`, "streams.cam.video.quality: is for \"codec: mjpeg\": set the bitrate"},
		"encoder":            {`source: demo, video: {encoder: libx246}`, `streams.cam.video.encoder: "libx246" is neither auto nor a name that "camgate encoders" lists: did you mean "libx264"?`},
		"another's encoder":  {`source: demo, video: {codec: h265, encoder: libx264}`, `streams.cam.video.encoder: "libx264" is neither auto nor a name that "camgate encoders" lists: did you mean "libx265"?`},
		"format":             {`source: demo, video: {format: yuyv422}`, `streams.cam.video.format: is what a camera of this machine is asked for, for the stream itself: v4l2://, rpicam://`},
		"controls":           {`source: demo, controls: {brightness: 3}`, `streams.cam.controls: is for cameras of this machine: v4l2://, rpicam://`},
		"audio delay":        {`source: "rpicam://0", audio: default, audio_delay: 3s`, `streams.cam.audio_delay: is 2s at the most`},
		"delay of no audio":  {`source: "rpicam://0", audio_delay: 100ms`, `streams.cam.audio_delay: is for the sound of "audio"`},
		"audio":              {`source: demo, audio: "hw:1"`, `streams.cam.audio: is for cameras of this machine: v4l2://, rpicam://, exec:`},
		"adaptive half":      {`source: demo, video: {adaptive: {max: 2M}}`, `streams.cam.video.adaptive: needs both, min and max: {min: 300k, max: 4M}`},
		"adaptive order":     {`source: demo, video: {adaptive: {min: 2M, max: 1M}}`, `streams.cam.video.adaptive: min is less than max`},
		"adaptive begin":     {`source: demo, video: {bitrate: 5M, adaptive: {min: 1M, max: 2M}}`, `streams.cam.video.bitrate: it begins with that: it lies between min and max of adaptive`},
		"main twice":         {`source: demo, video: {size: 64x64}, profiles: {main: {}}`, `streams.cam.profiles.main: is the same as "video": one of them is enough`},
		"main of publish":    {`source: publish, profiles: {main: {codec: h264}}`, `streams.cam: a stream that is published to is as its publisher sends it: instead of "video" or the profile "main", give it a profile of another name`},
		"sub of publish":     {`source: publish, profiles: {sub: {codec: h264}}`, ""},
		"profile's name":     {`source: demo, profiles: {"A b": {}}`, `streams.cam.profiles.A b: cannot be the name of a profile: it has 1 to 32 lower case letters, digits and _ -`},
		"name of output":     {`source: demo, profiles: {whep: {}}`, `streams.cam.profiles.whep: whep is an output of each stream: give the profile another name`},
		"mjpeg":              {`source: demo, profiles: {mjpeg: {codec: mjpeg, quality: 70, fps: 5}}`, ""},
		"mjpeg that is none": {`source: demo, profiles: {mjpeg: {}}`, `streams.cam.profiles.mjpeg: NAME/mjpeg is pictures one by one: give it "codec: mjpeg", or another name`},
		"unknown key":        {`source: demo, video: {bitrat: 2M}`, `streams.cam.video: unknown key "bitrat": did you mean "bitrate"?`},
		"taken name":         {"source: demo, profiles: {sub: {}}}\n  cam/sub: {source: demo", `streams.cam.profiles.sub: it would be served as "cam/sub", which is a stream of its own here: give one of them another name`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte("streams:\n  cam: {"+tt.stream+"}\n"), "c.yaml", nil)
			got := ""
			if err != nil {
				_, got, _ = strings.Cut(err.Error(), ": ")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	d := DefaultStream()
	c, err := Parse([]byte("streams: {cam: {source: demo, profiles: {b: {}, a: , main: {size: 64x32}}}}"), "c.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Streams["cam"]
	if w, h := s.Main().Size.Sides(); w != 64 || h != 32 || d.Main() != nil {
		t.Errorf("main is %dx%d, that of nothing %v", w, h, d.Main())
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.Renditions()); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseDimensions(f *testing.F) {
	for _, s := range []string{"", "1280x720", "640X360", "x", "1x1", "16x16x16", "-16x16", "99999999999999999999x2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, h, err := ParseDimensions(s)
		if err == nil && s != "" && (w < minSide || h < minSide || w > maxSide || h > maxSide || w%2 != 0 || h%2 != 0) {
			t.Errorf("%q: %dx%d", s, w, h)
		}
	})
}
