package rtsp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// ear is the loudspeaker of a camera.
type ear struct {
	mu    sync.Mutex
	heard []fakecam.Heard
}

func (e *ear) hear(h fakecam.Heard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, h)
}

func (e *ear) all() []fakecam.Heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// sound is the payload of all packets so far.
func (e *ear) sound() (out []byte) {
	for _, h := range e.all() {
		if h.Packet != nil {
			out = append(out, h.Packet.Payload...)
		}
	}
	return out
}

func startFakecam(t testing.TB, o fakecam.Options) *fakecam.Cam {
	t.Helper()
	o.Clip = demo.Clip()
	cam, err := fakecam.New(o)
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
	return cam
}

const toneHz = 600

// tone is a piece of a sine in PCMU, from sample n on: ITU-T G.711, by the formula.
func tone(n, samples int) []byte {
	out := make([]byte, samples)
	for i := range out {
		v := 0.5 * math.Sin(2*math.Pi*toneHz*float64(n+i)/8000)
		y := byte(math.Round(127 * math.Log1p(255*math.Abs(v)) / math.Log1p(255)))
		if v < 0 {
			y |= 0x80
		}
		out[i] = ^y
	}
	return out
}

// share is what part of the power of a PCMU sound is at a frequency.
func share(sound []byte, hz float64) float64 {
	var total, re, im float64
	for i, b := range sound {
		y := ^b
		v := (math.Pow(256, float64(y&0x7f)/127) - 1) / 255
		if y&0x80 != 0 {
			v = -v
		}
		a := 2 * math.Pi * hz * float64(i) / 8000
		total += v * v
		re += v * math.Cos(a)
		im += v * math.Sin(a)
	}
	if total == 0 {
		return 0
	}
	return 2 * (re*re + im*im) / (total * float64(len(sound)))
}

// say talks for a while, in packets of 20 ms as they come from a browser.
func say(t testing.TB, talk *camgate.Talk, d time.Duration) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n < int(d*8/time.Millisecond); n += 160 {
		if err := talk.Write(4294960000+uint32(n), tone(n, 160)); err != nil {
			t.Fatal(err)
		}
		<-tick.C
	}
}

func TestTalk(t *testing.T) {
	for _, transport := range []Transport{TransportUDP, TransportTCP} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			var e ear
			cam := startFakecam(t, fakecam.Options{BackChannel: "pcmu", Heard: e.hear})
			back := camgate.NewBackChannel(camgate.TalkLimits{})
			stream := camgate.NewRendition("cam", camgate.StreamLimits{})
			supervise(t, stream, SourceOptions{URL: parseURL(t, cam.URL()), Transport: transport, Talk: back})
			eventually(t, "a back channel", func() bool { return back.Codec() == camgate.PCMU })
			talk, err := back.Talk("somebody", camgate.PCMU)
			if err != nil {
				t.Fatal(err)
			}
			say(t, talk, time.Second)
			eventually(t, "a second of sound", func() bool { return len(e.sound()) >= 8000 })
			if s := share(e.sound(), toneHz); s < 0.95 {
				t.Errorf("%.3f of the power is at %d Hz", s, toneHz)
			}
			var before *fakecam.Heard
			for _, h := range e.all() {
				if h.Packet == nil {
					continue
				}
				if h.Transport != string(transport) {
					t.Fatalf("by %s", h.Transport)
				}
				p := h.Packet
				if p.PayloadType != 0 || len(p.Payload) != 160 || p.Marker != (before == nil) {
					t.Fatalf("packet %v, %d bytes", p.Header, len(p.Payload))
				}
				if before != nil && (p.SequenceNumber != before.Packet.SequenceNumber+1 || p.Timestamp != before.Packet.Timestamp+160 || p.SSRC != before.Packet.SSRC) {
					t.Fatalf("%v follows on %v", p.Header, before.Packet.Header)
				}
				before = &h
			}
			// Another one, later: the camera's clock has gone on.
			talk.Close()
			if err := talk.Write(0, tone(0, 160)); !errors.Is(err, camgate.ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
			again, err := back.Talk("other", camgate.PCMU)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Write(7, tone(0, 320)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "two packets more", func() bool { return len(e.sound()) >= 8320 })
			all := slices.DeleteFunc(e.all(), func(h fakecam.Heard) bool { return h.Packet == nil })
			if p := all[50].Packet; !p.Marker || p.SequenceNumber != before.Packet.SequenceNumber+1 || int32(p.Timestamp-before.Packet.Timestamp) < 160 {
				t.Errorf("the next talk begins with %v, after %v", p.Header, before.Packet.Header)
			}
			if p := all[51].Packet; p.Marker || len(p.Payload) != 160 {
				t.Errorf("a long packet is not sent in pieces: %v, %d bytes", p.Header, len(p.Payload))
			}
			eventually(t, "a sender report", func() bool {
				return slices.ContainsFunc(e.all(), func(h fakecam.Heard) bool { return h.Report != nil && h.Report.SSRC == before.Packet.SSRC })
			})
			if stream.Status().State != camgate.StateLive {
				t.Errorf("the stream is %s", stream.Status().State)
			}
		})
	}
}

// TestTalkOutage talks through an outage of the camera.
func TestTalkOutage(t *testing.T) {
	t.Parallel()
	var e ear
	cam := startFakecam(t, fakecam.Options{BackChannel: "pcma", Heard: e.hear})
	back := camgate.NewBackChannel(camgate.TalkLimits{})
	stream := camgate.NewRendition("cam", camgate.StreamLimits{})
	supervise(t, stream, SourceOptions{URL: parseURL(t, cam.URL()), Transport: TransportTCP, Talk: back})
	eventually(t, "a back channel", func() bool { return back.Codec() == camgate.PCMA })
	talk, err := back.Talk("somebody", camgate.PCMA)
	if err != nil {
		t.Fatal(err)
	}
	defer talk.Close()
	n := uint32(0)
	speak := func() bool {
		n += 160
		if err := talk.Write(n, tone(int(n), 160)); err != nil {
			t.Fatal(err)
		}
		all := e.all()
		return len(all) > 0 && all[len(all)-1].Connection > 1
	}
	speak()
	if err := cam.Set("kill=1s"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the camera to be away", func() bool { return back.Codec() == "" || speak() })
	cam.Clear()
	eventually(t, "sound in the next session", speak)
	if err := talk.Err(); err != nil {
		t.Error(err)
	}
}

// TestNoBackChannel pulls from a camera that refuses the question, and from one with no
// answer to it.
func TestNoBackChannel(t *testing.T) {
	t.Parallel()
	cam := startFakecam(t, fakecam.Options{})
	back := camgate.NewBackChannel(camgate.TalkLimits{})
	stream := camgate.NewRendition("cam", camgate.StreamLimits{})
	supervise(t, stream, SourceOptions{URL: parseURL(t, cam.URL()), Talk: back})
	eventually(t, "pictures", func() bool { return stream.Status().State == camgate.StateLive })
	if _, err := back.Talk("somebody", camgate.PCMU); !errors.Is(err, camgate.ErrNoBackChannel) {
		t.Error(err)
	}
	if n := cam.Status().Requests["DESCRIBE"]; n != 2 {
		t.Errorf("%d times DESCRIBE", n)
	}
}

// TestTalkToGStreamer talks to an ONVIF server that shares no code with camgate.
func TestTalkToGStreamer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "heard")
	remote := startRemote(t, freePort(t), "--backchannel", file)
	for _, transport := range []Transport{TransportTCP, TransportUDP} {
		back := camgate.NewBackChannel(camgate.TalkLimits{})
		stream := camgate.NewRendition("cam", camgate.StreamLimits{})
		supervise(t, stream, SourceOptions{URL: parseURL(t, fmt.Sprintf("rtsp://127.0.0.1:%d/backchannel", remote.port)), Transport: transport, Talk: back})
		eventually(t, "a back channel", func() bool { return back.Codec() == camgate.PCMU })
		eventually(t, "pictures", func() bool { return stream.Status().State == camgate.StateLive })
		talk, err := back.Talk("somebody", camgate.PCMU)
		if err != nil {
			t.Fatal(err)
		}
		say(t, talk, 1500*time.Millisecond)
		talk.Close()
		var sound []byte
		eventually(t, "sound", func() bool {
			sound, _ = os.ReadFile(file)
			return len(sound) >= 8000
		})
		if s := share(sound[:8000], toneHz); s < 0.9 {
			t.Errorf("%s: %.3f of the power is at %d Hz", transport, s, toneHz)
		}
		_ = os.Truncate(file, 0)
	}
}
