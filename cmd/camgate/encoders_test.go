package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/camgate/camgate/ingest/encode"
)

func TestEncoders(t *testing.T) {
	for _, tt := range []struct {
		name     string
		args     string
		code     int
		out, err []string // parts of what is printed
	}{
		{"table", "encoders --size 320x240 --fps 10 --codec h264", exitOK, []string{"H264", "libx264            works", "taken by auto", "h264_nvenc         no    "}, nil},
		{"no ffmpeg", "encoders --ffmpeg /nowhere/ffmpeg", exitFailed, nil, []string{"there is no program /nowhere/ffmpeg"}},
		{"not ffmpeg", "encoders --ffmpeg /bin/true", exitFailed, nil, []string{"lists no encoders"}},
		{"size", "encoders --size big", exitUsage, nil, []string{"--size is a width and a height"}},
		{"fps", "encoders --fps 0", exitUsage, nil, []string{"--fps is"}},
		{"codec", "encoders --codec VP8", exitUsage, nil, []string{"--codec is"}},
		{"argument", "encoders all", exitUsage, nil, []string{"unexpected argument"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := dispatch(t.Context(), stdio{out: &out, err: &errs}, strings.Fields(tt.args)); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, part := range tt.out {
				if !strings.Contains(out.String(), part) {
					t.Errorf("it does not say %q:\n%s", part, &out)
				}
			}
			for _, part := range tt.err {
				if !strings.Contains(errs.String(), part) {
					t.Errorf("it does not say %q:\n%s", part, &errs)
				}
			}
		})
	}
	var out, errs bytes.Buffer
	var table []encode.Proof
	if code := dispatch(t.Context(), stdio{out: &out, err: &errs}, strings.Fields("encoders --json --size 320x240 --codec mjpeg")); code != exitOK {
		t.Errorf("exit code %d: %s", code, &errs)
	}
	if err := json.Unmarshal(out.Bytes(), &table); err != nil || len(table) != 3 || table[2].Name != "mjpeg" || !table[2].Chosen {
		t.Errorf("%v: %s", err, &out)
	}
}
