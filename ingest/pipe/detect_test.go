package pipe

import (
	"testing"

	"github.com/camgate/camgate"
)

func TestDetect(t *testing.T) {
	ts := made(t, "-c:v", "libx264", "-f", "mpegts")
	text := []byte("Hello. I begin with some words, G, \xff\xd8 and \x00\x00\x01.\n")
	for _, tt := range []struct {
		name string
		in   []byte
		want Format
	}{
		{"nothing", nil, Auto},
		{"text", text, Auto},
		{"H264", made(t, x264...), H264},
		{"H264, delimiters", made(t, append([]string{"-x264-params", "aud=1"}, x264...)...), H264},
		{"H264, from the middle on", stream(camgate.H264, "NNENESPI"), H264},
		{"H265", made(t, x265...), H265},
		{"H265, from the middle on", stream(camgate.H265, "NNENEVSPI"), H265},
		{"JPEG", made(t, mjpeg...), MJPEG},
		{"MPEG-TS", ts, MPEGTS},
		{"MPEG-TS, from the middle on", ts[100:], MPEGTS},
		{"MPEG-TS, too little", ts[:2*tsPacket], Auto},
		{"H264 behind text", append(text[:len(text):len(text)], made(t, x264...)...), H264},
		{"JPEG behind text", append(text[:len(text):len(text)], made(t, mjpeg...)...), MJPEG},
		{"MPEG-TS behind text", append(text[:len(text):len(text)], ts...), MPEGTS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, at := detect(tt.in); got != tt.want || at > 300 {
				t.Errorf("%q at %d, want %q", got, at, tt.want)
			}
		})
	}
}
