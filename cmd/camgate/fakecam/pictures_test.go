package fakecam_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// What is in the packets of pictures.
func TestPictures(t *testing.T) {
	tests := []struct {
		fault string
		n     int
		ok    func(ps []*rtp.Packet) bool
	}{
		{"all-markers multi-slice", 40, func(ps []*rtp.Packet) bool {
			// Four slices a picture, each marked; SPS and PPS are not.
			for _, p := range ps {
				if slice := p.Payload[0]&31 <= 5; slice != p.Marker {
					return false
				}
			}
			return count(stamps(ps), 3600) >= 8 && count(stamps(ps), 3600) <= 10
		}},
		{"multi-slice", 42, func(ps []*rtp.Packet) bool { return markers(ps) == 10 }}, // with SPS and PPS
		{"single-nal", 60, func(ps []*rtp.Packet) bool { return slices.Max(nalTypes(ps)) < 24 }},
		{"stap-a multi-slice", 10, func(ps []*rtp.Packet) bool { return ps[0].Payload[0]&31 == 24 }},
		{"stap-a", 10, func(ps []*rtp.Packet) bool { return nalTypes(ps)[0] == 24 && nalTypes(ps)[1] == 28 }},
		{"bframes", 30, func(ps []*rtp.Packet) bool { return slices.Min(stamps(ps)) < 0 }},
		{"mid-gop", 40, func(ps []*rtp.Packet) bool { return ps[0].Payload[0]&31 != 7 && !slices.Contains(nalTypes(ps[:10]), 7) }},
		{"sps-sdp-only", 80, func(ps []*rtp.Packet) bool {
			return !slices.Contains(nalTypes(ps), 7) && !slices.Contains(nalTypes(ps), 8)
		}},
		{"sps-band-only", 3, func(ps []*rtp.Packet) bool { return nalTypes(ps)[0] == 7 }},
		{"late-params=500ms multi-slice", 110, func(ps []*rtp.Packet) bool {
			at := slices.Index(nalTypes(ps), 7) // of the second keyframe, a second later
			return at == 100
		}},
		{"sps-change=200ms", 120, func(ps []*rtp.Packet) bool {
			var sets [][]byte
			for _, p := range ps {
				if p.Payload[0]&31 == 7 {
					sets = append(sets, p.Payload)
				}
			}
			return len(sets) > 1 && !bytes.Equal(sets[0], sets[1]) && count(stamps(ps), 3600) == len(stamps(ps))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			c := connect(t, withFaults(t, strings.Fields(tt.fault)...))
			c.play("tcp")
			if ps := c.packets(0, tt.n); !tt.ok(ps) {
				t.Errorf("NAL units %v\ntimestamps %v\n%d markers", nalTypes(ps), stamps(ps), markers(ps))
			}
		})
	}
}

// The pictures and the sound that the faults make are decoded without a complaint.
func TestDecodes(t *testing.T) {
	for fault, want := range map[string]string{
		"bframes":                "h264,320,180,",
		"bframes multi-slice":    "h264,320,180,",
		"multi-slice":            "h264,320,180,",
		"single-nal":             "h264,320,180,",
		"stap-a sps-band-only":   "h264,1280,720,",
		"sps-change=1s":          "h264,",
		"pcma":                   "pcm_alaw,",
		"pcmu":                   "pcm_mulaw,",
		"opus":                   "opus,",
		"ts-wrap seq-wrap":       "h264,1280,720,",
		"all-markers sps-change": "h264,640,360,",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cam := withFaults(t, strings.Fields(fault)...)
			out, errs := tool(t, "ffprobe", "-v", "warning", "-rtsp_transport", "tcp", "-count_frames", "-read_intervals", "%+2",
				"-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", cam.URL())
			if errs != "" || !strings.Contains(out, want) {
				t.Errorf("want %s, got %s%s", want, out, errs)
			}
		})
	}
}

// film makes a clip with ffmpeg.
func film(t *testing.T, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.mp4")
	args = append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=192x128:rate=25:duration=2", "-f", "lavfi", "-i", "sine=duration=2"}, args...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-movflags", "+faststart", file)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestClips(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want []string
		o    fakecam.Options
	}{
		{"h265", []string{"-c:v", "libx265", "-x265-params", "log-level=error:keyint=25", "-c:a", "aac"}, []string{"hevc,192,128,", "aac,"}, fakecam.Options{}},
		{"h265 aggregated", []string{"-c:v", "libx265", "-x265-params", "log-level=error:keyint=25", "-an"}, []string{"hevc,192,128,"}, fakecam.Options{Faults: []string{"stap-a"}}},
		{"h264 with B-frames, opus", []string{"-c:v", "libx264", "-bf", "3", "-g", "25", "-c:a", "libopus"}, []string{"h264,192,128,", "opus,"}, fakecam.Options{Faults: []string{"bframes"}}},
		{"sound alone", []string{"-vn", "-c:a", "aac"}, []string{"aac,"}, fakecam.Options{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.Clip = film(t, tt.args...)
			cam := start(t, tt.o)
			out, errs := tool(t, "ffprobe", "-v", "warning", "-rtsp_transport", "tcp", "-count_frames", "-read_intervals", "%+2",
				"-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", cam.URL())
			for _, want := range tt.want {
				if errs != "" || !strings.Contains(out, want) {
					t.Errorf("want %s, got %s%s", want, out, errs)
				}
			}
		})
	}
	// What cannot be shown is told before anybody comes.
	h265 := film(t, tests[0].args...)
	for want, o := range map[string]fakecam.Options{
		"not a progressive MP4 file": {Clip: []byte("no clip")},
		"another codec":              {Clip: h265, SecondClip: film(t, "-c:v", "libx264", "-an")},
		"needs a second one":         {Clip: h265, Faults: []string{"sps-change"}},
		"cut off":                    {Clip: h265[:len(h265)-5000]},
	} {
		if cam, err := fakecam.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v, %v", want, cam, err)
		}
	}
}
