package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ffprobe decodes some seconds of a stream and returns the decoded frames by kind
// of track. Anything that it complains about fails the test.
func ffprobe(t *testing.T, seconds int, input ...string) map[string]int {
	t.Helper()
	args := []string{"-v", "error", "-count_frames", "-read_intervals", fmt.Sprintf("%%+%d", seconds),
		"-show_entries", "stream=codec_type,nb_read_frames", "-of", "csv=p=0"}
	out, errs := run(t, time.Duration(seconds+25)*time.Second, nil, "ffprobe", append(args, input...)...)
	if errs != "" {
		t.Errorf("ffprobe %s complains: %s", strings.Join(input, " "), errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	frames := map[string]int{}
	for _, row := range rows {
		if len(row) < 2 {
			continue
		}
		n, _ := strconv.Atoi(row[1]) // "N/A" is zero
		frames[row[0]] += n
	}
	return frames
}

// probeRTSP is ffprobe over RTSP.
func probeRTSP(t *testing.T, transport, url string, seconds int) map[string]int {
	t.Helper()
	return ffprobe(t, seconds, "-rtsp_transport", transport, url)
}

func wantFrames(t *testing.T, what string, got map[string]int, video, audio int) {
	t.Helper()
	if got["video"] < video || got["audio"] < audio {
		t.Errorf("%s: decoded %d pictures and %d frames of sound, want at least %d and %d", what, got["video"], got["audio"], video, audio)
	}
}

var rendered = regexp.MustCompile(`rendered: (\d+)`)

// gstreamer plays a pipeline that ends in a fpsdisplaysink and returns the pictures shown.
// A line of GStreamer or its decoder about an error fails the test.
func gstreamer(t *testing.T, seconds int, pipeline string) int {
	t.Helper()
	// In the foreground timeout signals once, and not the group besides: a second signal would end GStreamer in the middle of its end.
	args := append([]string{"--foreground", "--preserve-status", "-s", "INT", strconv.Itoa(seconds), "gst-launch-1.0", "-v"}, strings.Fields(pipeline)...)
	out, errs := run(t, time.Duration(seconds+20)*time.Second, []string{"GST_DEBUG=1,libav:2", "GST_DEBUG_NO_COLOR=1"}, "timeout", args...)
	for line := range strings.Lines(out + errs) {
		if strings.Contains(line, "ERROR") {
			t.Errorf("GStreamer says: %s", strings.TrimSpace(line))
		}
	}
	n := 0
	for _, m := range rendered.FindAllStringSubmatch(out, -1) {
		n, _ = strconv.Atoi(m[1])
	}
	return n
}

func gstRTSP(t *testing.T, url, protocols, decoder string, seconds int) int {
	t.Helper()
	return gstreamer(t, seconds, fmt.Sprintf("rtspsrc location=%s protocols=%s tls-validation-flags=0 latency=100 name=s s. ! %s ! "+
		"fpsdisplaysink video-sink=fakesink text-overlay=false sync=true", url, protocols, decoder))
}

// gstHLS plays picture and sound of a playlist.
func gstHLS(t *testing.T, url string, seconds int) int {
	t.Helper()
	return gstreamer(t, seconds, "uridecodebin3 uri="+url+" name=d d. ! videoconvert ! "+
		"fpsdisplaysink video-sink=fakesink text-overlay=false sync=true d. ! audioconvert ! fakesink sync=true")
}

const (
	gstH264 = "rtph264depay ! h264parse ! avdec_h264"
	gstH265 = "rtph265depay ! h265parse ! avdec_h265"
)

// browserResult is a line of testdata/browser.mjs.
type browserResult struct {
	Check        string          `json:"check"`
	Frames       int             `json:"frames"`
	AudioPackets int             `json:"audioPackets"`
	AudioBytes   int             `json:"audioBytes"`
	W            int             `json:"w"`
	H            int             `json:"h"`
	FirstMs      float64         `json:"firstMs"`
	Latency      float64         `json:"latency"`
	Parts        int             `json:"parts"`
	Blocking     int             `json:"blocking"`
	Freezes      int             `json:"freezes"`
	Lost         int             `json:"lost"`
	Rung         string          `json:"rung"`
	Reasons      json.RawMessage `json:"reasons"`
	Foreign      []string        `json:"foreign"`
	Errors       []string        `json:"errors"`
	Errs         []string        `json:"errs"`
	Missing      string          `json:"missing"`
	Made         string          `json:"made"`
	AudioSamples int             `json:"audioSamples"` // decoded
	Beeps        int             `json:"beeps"`
	Offsets      []float64       `json:"offsets"` // ms from each flash to its beep
	Deleted      int             `json:"deleted"`
	Status       int             `json:"status"`
	Error        string          `json:"error"`
	Path         string          `json:"path"` // type of the browser's candidate
	DTLS         string          `json:"dtls"`
	ETags        int             `json:"etags"` // different ones
	Pairs        int             `json:"pairs"`
	Players      []struct {
		Joined float64 `json:"joined"` // Unix ms
		Shown  []struct {
			At   float64 `json:"at"` // Unix ms
			Bits string  `json:"bits"`
		} `json:"shown"`
	} `json:"players"`
}

// browse runs checks in a real Chromium.
func browse(t *testing.T, g *gateway, checks ...string) map[string]browserResult {
	t.Helper()
	script, err := filepath.Abs("../../../testdata/browser.mjs")
	if err != nil {
		t.Fatal(err)
	}
	out, errs := run(t, 3*time.Minute, nil, "node", append([]string{script, g.url("")}, checks...)...)
	results := map[string]browserResult{}
	for line := range strings.Lines(out) {
		t.Log(strings.TrimSpace(line))
		var r browserResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, errs)
		}
		results[r.Check] = r
	}
	return results
}
