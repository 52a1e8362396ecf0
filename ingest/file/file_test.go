package file

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
)

// The demo clip has no seam: all steps are the same, wherever one looks.
func TestDemo(t *testing.T) {
	const loops = 2.5
	tracks, units, _ := play(t, Options{Name: "demo", Data: demo.Clip()}, loops*8*time.Second-time.Millisecond)
	if len(tracks) != 2 || tracks[0].Codec != camgate.H264 || tracks[1].Codec != camgate.AAC {
		t.Fatalf("tracks %v", tracks)
	}
	p := tracks[0].Params()
	if p.Width != demo.Width || p.Height != demo.Height || p.FPS != demo.FPS || len(p.SPS) == 0 || len(p.PPS) == 0 {
		t.Errorf("parameters %+v", p)
	}
	if n := len(units[0]); n != loops*demo.Frames {
		t.Errorf("%d pictures", n)
	}
	for i, u := range units[0] {
		if want := time.Duration(i) * time.Second / demo.FPS; u.at != want {
			t.Fatalf("picture %d came at %v, want %v", i, u.at, want)
		}
		if want := units[0][0].PTS + int64(i)*90000/demo.FPS; u.PTS != want {
			t.Fatalf("picture %d: PTS %d, want %d", i, u.PTS, want)
		}
		if u.RandomAccess != (i%demo.GOP == 0) || u.Discontinuity != (i == 0) || u.Track != tracks[0] {
			t.Fatalf("picture %d: random access %v, discontinuity %v", i, u.RandomAccess, u.Discontinuity)
		}
	}
	if n := len(units[1]); n != int(math.Ceil(loops*demo.AudioFrames)) {
		t.Errorf("%d frames of sound", n)
	}
	for i, u := range units[1] {
		if want := units[1][0].PTS + int64(i)*demo.SamplesPerFrame; u.PTS != want {
			t.Fatalf("sound %d: PTS %d, want %d", i, u.PTS, want)
		}
		if d := u.at - time.Duration(i)*demo.SamplesPerFrame*time.Second/demo.SampleRate; d < 0 || d > time.Microsecond {
			t.Fatalf("sound %d came %v late", i, d)
		}
		if u.Discontinuity != (i == 0) {
			t.Fatalf("sound %d: discontinuity %v", i, u.Discontinuity)
		}
	}
	if a, v := units[1][0].Time(), units[0][0].Time(); a != v {
		t.Errorf("sound begins at %v, the picture at %v", a, v)
	}
}

func TestRecordings(t *testing.T) {
	x265 := []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25:bframes=3"}
	fragmented := []string{"-movflags", "frag_keyframe+empty_moov"}
	opus := []string{"-c:a", "libopus"}
	silent, blind := []string{"-an"}, []string{"-vn"}
	tests := []struct {
		name  string
		file  string
		args  []string
		video camgate.Codec
		audio camgate.Codec
	}{
		{"H264 and AAC in TS", "a.ts", args(x264(), aac()), camgate.H264, camgate.AAC},
		{"H264 and AAC in MP4", "a.mp4", args(x264(), aac()), camgate.H264, camgate.AAC},
		{"H264 and AAC in MP4, index first", "a.mp4", args(x264(), aac(), []string{"-movflags", "faststart"}), camgate.H264, camgate.AAC},
		{"H264 and AAC in fragments", "a.mp4", args(x264(), aac(), fragmented), camgate.H264, camgate.AAC},
		{"H264 and AAC in fragments with edit lists", "a.mp4", args(x264(), aac(), []string{"-movflags", "frag_keyframe+delay_moov"}), camgate.H264, camgate.AAC},
		{"H264 and AAC in fragments for browsers", "a.mp4", args(x264(), aac(), []string{"-movflags", "cmaf+frag_keyframe+empty_moov"}), camgate.H264, camgate.AAC},
		{"sound of 44.1 kHz", "a.ts", args(x264(), aac(), []string{"-ar", "44100"}), camgate.H264, camgate.AAC},
		{"sound of 44.1 kHz in MP4", "a.mp4", args(x264(), aac(), []string{"-ar", "44100", "-ac", "1"}), camgate.H264, camgate.AAC},
		{"H265 in MP4", "a.mp4", args(x265, aac()), camgate.H265, camgate.AAC},
		{"H265 in TS", "a.ts", args(x265, aac()), camgate.H265, camgate.AAC},
		{"H265 in fragments", "a.mp4", args(x265, aac(), fragmented), camgate.H265, camgate.AAC},
		{"Opus in TS", "a.ts", args(x264(), opus), camgate.H264, camgate.Opus},
		{"Opus in MP4", "a.mp4", args(x264(), opus), camgate.H264, camgate.Opus},
		{"MJPEG in MP4", "a.mp4", args([]string{"-c:v", "mjpeg", "-huffman", "default"}, aac()), camgate.MJPEG, camgate.AAC},
		{"picture only", "a.ts", args(x264(), silent), camgate.H264, ""},
		{"sound only", "a.ts", args(blind, aac()), "", camgate.AAC},
		{"sound only in MP4", "a.mp4", args(blind, opus), "", camgate.Opus},
		{"late sound", "a.mp4", args([]string{"-filter:a", "adelay=700,asetpts=PTS+0.7/TB"}, x264(), aac()), camgate.H264, camgate.AAC},
		{"unknown sound", "a.mp4", args(x264(), []string{"-c:a", "ac3"}), camgate.H264, ""},
		{"timestamps that wrap", "a.ts", args(x264(), aac(), []string{"-output_ts_offset", "95441.5"}), camgate.H264, camgate.AAC},
		{"timestamps that wrap between PTS and DTS", "a.ts", args(x264(), aac(), []string{"-output_ts_offset", "95442.2", "-muxdelay", "0", "-muxpreload", "0"}), camgate.H264, camgate.AAC},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := clip(t, tt.file, tt.args...)
			want := probed(t, file)
			tracks, units, err := play(t, Options{Path: file}, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			var got [2]camgate.Codec
			for i, track := range tracks {
				if track.Kind == camgate.Video {
					got[0] = track.Codec
				} else {
					got[1] = track.Codec
				}
				checkFirstPass(t, units[i], want[track.Kind])
				checkLoops(t, units[i], len(want[track.Kind]))
				checkPackets(t, units[i])
			}
			if got != [2]camgate.Codec{tt.video, tt.audio} {
				t.Errorf("codecs %v", got)
			}
			// ffprobe moves pictures that are to be shown before they are due.
			if len(tracks) == 2 && !strings.Contains(tt.name, "browsers") {
				checkSync(t, units, want)
			}
		})
	}
}

// checkFirstPass compares the steps of a track's first pass with those of ffprobe.
func checkFirstPass(t *testing.T, units []played, want []float64) {
	t.Helper()
	if len(units) < len(want) || len(want) == 0 {
		t.Fatalf("%d Units, want %d and more", len(units), len(want))
	}
	skip := 0 // sound from before the first picture is left out
	for ; skip < 5; skip++ {
		if sameSteps(units, want[skip:]) {
			return
		}
	}
	for i := range 10 {
		t.Logf("%d: %v, want %v", i, units[i].Time()-units[0].Time(), want[i]-want[0])
	}
	t.Error("the steps of the timestamps are others than those of the file")
}

func sameSteps(units []played, want []float64) bool {
	tick := 1.6 / float64(units[0].Track.ClockRate)
	for i, w := range want {
		got := (units[i].Time() - units[0].Time()).Seconds()
		if math.Abs(got-(w-want[0])) > tick+12e-6 { // ffprobe rounds to 1 us, MPEG-TS to 11 us
			return false
		}
	}
	return true
}

// checkLoops fails when a track goes back, breaks, stops or hurries, here above all
// where the recording begins anew.
func checkLoops(t *testing.T, units []played, perPass int) {
	t.Helper()
	if len(units) < 2*perPass {
		t.Errorf("%d Units, want more than two passes of %d", len(units), perPass)
	}
	newest := units[0].PTS
	for i, u := range units {
		if u.Discontinuity && i > 0 {
			t.Errorf("Unit %d: discontinuity", i)
		}
		if u.Track.Kind == camgate.Audio && i > 0 && u.PTS <= units[i-1].PTS {
			t.Errorf("Unit %d: %v after %v", i, u.Time(), units[i-1].Time())
		}
		if gap := u.Track.Duration(u.PTS - newest); gap > 250*time.Millisecond && i%perPass > 3 {
			t.Errorf("Unit %d: gap of %v", i, gap)
		}
		newest = max(newest, u.PTS)
		if i > 0 && u.at < units[i-1].at {
			t.Errorf("Unit %d came before the last one", i)
		}
		if d := u.Time() - u.at; d < -300*time.Millisecond || d > 500*time.Millisecond {
			t.Errorf("Unit %d is to be shown at %v and came at %v", i, u.Time(), u.at)
		}
	}
}

// checkSync compares where sound lies against the picture with what ffprobe says.
func checkSync(t *testing.T, units [][]played, want map[camgate.Kind][]float64) {
	t.Helper()
	var offset [2]float64 // PTS of the stream less that of the file
	for i := range units {
		u := units[i][0]
		list := want[u.Track.Kind]
		n := 0 // which one of the file the first one is
		for n < 5 && !sameSteps(units[i], list[n:]) {
			n++
		}
		offset[i] = u.Time().Seconds() - list[n]
		// Sound has the same steps wherever one begins: take the nearest.
		for u.Track.Kind == camgate.Audio && n < 5 && math.Abs(offset[i]-offset[0]) > math.Abs(u.Time().Seconds()-list[n+1]-offset[0]) {
			n++
			offset[i] = u.Time().Seconds() - list[n]
		}
	}
	if d := offset[1] - offset[0]; math.Abs(d) > 0.0005 {
		t.Errorf("sound is %.4f s off against the picture", d)
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	good := clip(t, "a.mp4", args(x264(), aac())...)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := os.ReadFile(clip(t, "a.ts", args(x264(), aac())...))
	if err != nil {
		t.Fatal(err)
	}
	subtitles := filepath.Join(dir, "ac3.mp4")
	ffmpeg(t, "-f", "lavfi", "-i", "sine=d=1", "-c:a", "ac3", subtitles)
	ac3, err := os.ReadFile(subtitles)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"empty", nil, camgate.ErrNoVideoTrack, "empty"},
		{"one byte", []byte{0x47}, camgate.ErrUnsupportedCodec, "neither"},
		{"text", []byte("Good morning, this is no recording at all.\n"), camgate.ErrUnsupportedCodec, "neither"},
		{"long text", []byte(strings.Repeat("G", 4000)), camgate.ErrUnsupportedCodec, "MPEG-TS"},
		{"JPEG", []byte{0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1}, camgate.ErrUnsupportedCodec, "neither"},
		{"MP4 without its end", whole[:len(whole)/2], camgate.ErrUnsupportedCodec, "MP4"},
		{"MP4 of one box", whole[:32], camgate.ErrUnsupportedCodec, "MP4"},
		{"MP4 with nothing to play", ac3, camgate.ErrNoVideoTrack, "no track"},
		{"TS without a program", stream[:188*1], camgate.ErrUnsupportedCodec, "neither"},
		{"TS that ends early", stream[:188*4], camgate.ErrUnsupportedCodec, "MPEG-TS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, "broken")
			if err := os.WriteFile(file, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := play(t, Options{Path: file}, time.Minute)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v, want %v and %q", err, tt.want, tt.text)
			}
			if camgate.Retry(err) != camgate.RetrySlow {
				t.Errorf("%v is tried again soon", err)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		if _, _, err := play(t, Options{Path: filepath.Join(dir, "none")}, time.Minute); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, camgate.ErrConnectionFailed) {
			t.Error(err)
		}
	})
	t.Run("folder", func(t *testing.T) {
		if _, _, err := play(t, Options{Path: dir}, time.Minute); !errors.Is(err, camgate.ErrConnectionFailed) {
			t.Error(err)
		}
	})
}

func TestNew(t *testing.T) {
	for _, o := range []Options{{}, {Path: "a", Data: []byte{1}}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	src, err := New(Options{Path: "yard.ts"})
	if err != nil || src.String() != "file:yard.ts" {
		t.Errorf("%v, %v", src, err)
	}
}
