package e2e

import (
	"bufio"
	"encoding/json"
	"image/jpeg"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// tab is a Chromium that publishes a stream by its page.
type tab struct {
	t     *testing.T
	stdin io.WriteCloser
	lines *bufio.Scanner
	cmd   *exec.Cmd
}

type tabState struct {
	Phase   string   `json:"phase"`
	Reason  string   `json:"reason"`
	Figures string   `json:"figures"`
	LiveMs  int      `json:"liveMs"`
	Wide    bool     `json:"overflow"` // the page does not fit
	Errors  []string `json:"errors"`
}

func openTab(t *testing.T, g *gateway, stream, codec string, env ...string) *tab {
	t.Helper()
	script, err := filepath.Abs("../../../testdata/publish.mjs")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, g.url(""), stream, codec)
	cmd.Env = append(cmd.Environ(), env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &tab{t: t, stdin: stdin, lines: bufio.NewScanner(stdout), cmd: cmd}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	return p
}

// state is what the page said next.
func (p *tab) state() tabState {
	p.t.Helper()
	var s tabState
	if !p.lines.Scan() {
		p.t.Fatal("the browser ended")
	}
	p.t.Log(p.lines.Text())
	if err := json.Unmarshal(p.lines.Bytes(), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *tab) close() tabState {
	p.t.Helper()
	p.stdin.Close()
	return p.state()
}

// A browser publishes by the page, and RTSP, HLS, a snapshot and another browser see it,
// whatever it encodes. Its tab is closed, and another one goes on.
func TestPublishFromBrowser(t *testing.T) {
	for _, c := range []struct {
		codec string
		rtsp  bool // that this ffmpeg reads it
	}{{"H264", true}, {"VP8", true}, {"VP9", true}, {"AV1", false}} {
		t.Run(c.codec, func(t *testing.T) {
			g := start(t, "streams: {obs: {source: publish}}\n")
			p := openTab(t, g, "obs", c.codec)
			if s := p.state(); s.Phase != "live" {
				t.Fatalf("%+v", s)
			}
			seen := browse(t, g, "whep=/obs/whep", "hlsjs=/obs/index.m3u8")
			if r := seen["whep"]; r.Frames < 50 || r.AudioPackets == 0 {
				t.Errorf("WHEP: %+v", r)
			}
			if r := seen["hlsjs"]; r.Frames < 50 || r.AudioBytes == 0 {
				t.Errorf("HLS: %+v", r)
			}
			if c.rtsp {
				if got := probeRTSP(t, "tcp", g.rtspURL("obs"), 3); got["video"] < 30 || got["audio"] < 50 {
					t.Errorf("RTSP: %v", got)
				}
			}
			res, err := http.Get(g.url("/obs/snapshot.jpg"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			// Its size is the browser's choice, who sends a part of it where it has no time.
			if pic, err := jpeg.Decode(res.Body); err != nil || res.StatusCode != http.StatusOK || pic.Bounds().Dx() < 160 {
				t.Errorf("snapshot: %d, %v", res.StatusCode, err)
			}
			if s := p.close(); len(s.Errors) > 0 || s.Phase != "live" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Of a browser that offers three sizes of its picture one is taken, and it sends no other.
func TestPublishSimulcastFromBrowser(t *testing.T) {
	g := start(t, "streams: {obs: {source: publish}}\n")
	p := openTab(t, g, "obs", "VP8", "SIMULCAST=1")
	if s := p.state(); s.Phase != "live" {
		t.Fatalf("%+v", s)
	}
	if r := browse(t, g, "whep=/obs/whep")["whep"]; r.Frames < 50 || r.AudioPackets == 0 || r.Lost != 0 {
		t.Errorf("%+v", r)
	}
	if s := p.close(); len(s.Errors) > 0 || s.Phase != "live" {
		t.Errorf("%+v", s)
	}
}

// Who closes the tab gives the place free at once; the page says why it fails, and fits on a
// telephone.
func TestPublishPageEnds(t *testing.T) {
	g := start(t, "streams: {obs: {source: publish}}\n")
	first := openTab(t, g, "obs", "VP8", "CLOSE=1", "WIDTH=360")
	if s := first.state(); s.Phase != "live" || s.Wide {
		t.Fatalf("%+v", s)
	}
	second := openTab(t, g, "obs", "VP8")
	if s := second.state(); s.Phase != "failed" || s.Reason == "" {
		t.Errorf("beside another one: %+v", s)
	}
	begin := time.Now()
	first.close()
	third := openTab(t, g, "obs", "VP8")
	if s := third.state(); s.Phase != "live" {
		t.Errorf("after the first one: %+v", s)
	}
	t.Logf("another tab is live %v after the end of the first one, with the start of its browser", time.Since(begin))
	third.close()
}
