package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// TestTalkInTheBrowser talks by the page's button, with a microphone that beeps, to a
// camera with a loudspeaker, which hears it by UDP and by TCP.
func TestTalkInTheBrowser(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) { talkInTheBrowser(t, transport) })
	}
}

func talkInTheBrowser(t *testing.T, transport string) {
	var mu sync.Mutex
	sound, loud := 0, 0
	cam, err := fakecam.New(fakecam.Options{Clip: demo.Clip(), BackChannel: "pcma", Heard: func(h fakecam.Heard) {
		if h.Packet == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if sound++; !camgate.Silent(camgate.PCMA, h.Packet.Payload) && h.Transport == transport {
			loud++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- cam.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	g := start(t, fmt.Sprintf("streams:\n  door: {source: %q, transport: %s, talk: true}\n", cam.URL(), transport))
	g.awaitLive("door")
	script, err := filepath.Abs("../../../testdata/talk.mjs")
	if err != nil {
		t.Fatal(err)
	}
	limited, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(limited, "node", script, g.url("/door"))
	cmd.WaitDelay = 5 * time.Second
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var result struct{ Failures []string }
	if err != nil || json.Unmarshal(out, &result) != nil {
		t.Fatalf("%v: %s\n%s", err, out, &errs)
	}
	for _, failure := range result.Failures {
		t.Error(failure)
	}
	mu.Lock()
	if sound < 100 || loud < 20 {
		t.Errorf("the camera heard %d packets, %d with sound", sound, loud)
	}
	mu.Unlock()
	if metrics, _ := g.get("/metrics"); !strings.Contains(string(metrics), `camgate_stream_talks_refused_total{stream="door"} 1`) {
		t.Error("the metrics do not know of the refusal")
	}
}

// TestTalkTone says a tone by PCMU, as a viewer who also watches, and the camera hears that
// tone by UDP and by TCP.
func TestTalkTone(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			var mu sync.Mutex
			var sound []byte
			cam, err := fakecam.New(fakecam.Options{Clip: demo.Clip(), BackChannel: "pcmu", Heard: func(h fakecam.Heard) {
				mu.Lock()
				defer mu.Unlock()
				if h.Packet != nil && h.Transport == transport {
					sound = append(sound, h.Packet.Payload...)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- cam.Run(ctx) }()
			t.Cleanup(func() { cancel(); <-ended })
			g := start(t, fmt.Sprintf("streams:\n  door: {source: %q, transport: %s, talk: true}\n", cam.URL(), transport))
			g.awaitLive("door")
			mic := whepMicrophone(t, g.url("/door/whep"))
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			heard := func() []byte {
				mu.Lock()
				defer mu.Unlock()
				return sound
			}
			for n := 0; n < 1000 && len(heard()) < 12000; n++ {
				// It fails until the connection is there.
				_ = mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(160 * n)}, Payload: muLaw(500, 160*n)})
				<-tick.C
			}
			got := heard()
			if len(got) < 12000 {
				t.Fatalf("%d samples are heard", len(got))
			}
			if p := power(got[4000:12000], 500) / power(got[4000:12000], 0); p < 0.95 {
				t.Errorf("%.3f of the power is at 500 Hz", p)
			}
		})
	}
}

// whepMicrophone offers a microphone with a request for picture and sound.
func whepMicrophone(t *testing.T, url string) *pion.TrackLocalStaticRTP {
	t.Helper()
	pc, err := pion.NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	mic, err := pion.NewTrackLocalStaticRTP(pion.RTPCodecCapability{MimeType: pion.MimeTypePCMU, ClockRate: 8000}, "mic", "me")
	if err == nil {
		_, err = pc.AddTransceiverFromKind(pion.RTPCodecTypeVideo, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly})
	}
	if err == nil {
		_, err = pc.AddTransceiverFromTrack(mic, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionSendrecv})
	}
	if err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err == nil {
		err = pc.SetLocalDescription(offer)
	}
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(url, "application/sdp", strings.NewReader(offer.SDP))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated || res.Header.Get("X-Camgate-Talk") != "PCMU" {
		t.Fatalf("%v, %s %s", err, res.Status, answer)
	}
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		t.Fatal(err)
	}
	return mic
}

// muLaw is 20 ms of a tone from a sample on (ITU-T G.711, by the formula).
func muLaw(hz float64, from int) []byte {
	out := make([]byte, 160)
	for i := range out {
		v := 0.5 * math.Sin(2*math.Pi*hz*float64(from+i)/8000)
		y := byte(math.Round(127 * math.Log1p(255*math.Abs(v)) / math.Log1p(255)))
		if v < 0 {
			y |= 0x80
		}
		out[i] = ^y
	}
	return out
}

// power is that of a PCMU sound at a frequency; at 0 all of it.
func power(sound []byte, hz float64) float64 {
	var total, re, im float64
	for i, b := range sound {
		v := (math.Pow(256, float64(^b&0x7f)/127) - 1) / 255
		if b&0x80 == 0 {
			v = -v
		}
		total += v * v
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / 8000)
		re, im = re+v*cos, im+v*sin
	}
	if hz == 0 {
		return total
	}
	return 2 * (re*re + im*im) / float64(len(sound))
}
