package ts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// clip makes a transport stream with ffmpeg: 3 s of a moving picture (25 a second)
// and a tone.
func clip(t testing.TB, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.ts")
	all := append(append([]string{"-v", "error", "-y"}, testSource(3)...), append(args, file)...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", all...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testSource(seconds int) []string {
	d := strconv.Itoa(seconds)
	return []string{
		"-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=" + d,
		"-f", "lavfi", "-i", "sine=r=48000:d=" + d, "-pix_fmt", "yuv420p",
	}
}

var (
	x264 = []string{"-c:v", "libx264", "-g", "10", "-preset", "ultrafast", "-c:a", "aac"}
	x265 = []string{"-c:v", "libx265", "-x265-params", "keyint=10:bframes=0:log-level=error", "-preset", "ultrafast", "-c:a", "aac"}
)

// replay gives out a stream in datagrams of 7 packets, but for those that are lost.
type replay struct {
	b    []byte
	n    int
	lost func(n int) bool
}

func (r *replay) Read(b []byte) (int, error) {
	for {
		if len(r.b) == 0 {
			return 0, io.EOF
		}
		n := copy(b, r.b[:min(len(r.b), 7*Packet)])
		r.b = r.b[n:]
		if r.n++; r.lost == nil || !r.lost(r.n) {
			return n, nil
		}
	}
}

// received are the Units of a replay by track. The stream's window holds all of them.
func received(t *testing.T, r io.Reader) (tracks []*camgate.Track, units [][]*camgate.Unit) {
	t.Helper()
	stream := camgate.NewRendition("test", camgate.StreamLimits{})
	first := make(chan struct{})
	in := newDatagrams(&gate{r, stream, first}, 0)
	done := make(chan error, 1)
	go func() { done <- receive(in, stream) }()
	tracks, err := stream.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reader, err := stream.Subscribe(t.Context(), camgate.SubscribeOptions{MaxLag: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	close(first)
	units = make([][]*camgate.Unit, len(tracks))
	end := make(chan struct{})
	go func() {
		defer close(end)
		for {
			u, err := reader.Next()
			if err != nil {
				return
			}
			units[u.Track.ID] = append(units[u.Track.ID], u)
		}
	}()
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v", err)
	}
	stream.Close()
	<-end
	return tracks, units
}

// gate holds a replay back once there are tracks, until somebody reads.
type gate struct {
	io.Reader
	stream *camgate.Stream
	first  chan struct{}
}

func (g *gate) Read(b []byte) (int, error) {
	if g.stream.Tracks() != nil {
		<-g.first
	}
	return g.Reader.Read(b)
}

func TestReceive(t *testing.T) {
	for name, tt := range map[string]struct {
		args  []string
		codec camgate.Codec
	}{
		"H264 and AAC":                    {x264, camgate.H264},
		"H265 and AAC":                    {x265, camgate.H265},
		"over the wrap of the timestamps": {append([]string{"-output_ts_offset", "95441"}, x264...), camgate.H264},
	} {
		t.Run(name, func(t *testing.T) {
			tracks, units := received(t, &replay{b: clip(t, tt.args...)})
			if len(tracks) != 2 || tracks[0].Codec != tt.codec || tracks[1].Codec != camgate.AAC {
				t.Fatalf("tracks: %v", tracks)
			}
			if n := len(units[0]); n < 70 {
				t.Errorf("%d pictures of 75", n)
			}
			if n := len(units[1]); n < 130 {
				t.Errorf("%d frames of sound of 141", n)
			}
			for i, u := range units[0] {
				if i > 0 && (u.Discontinuity || u.Lost > 0 || u.PTS-units[0][i-1].PTS != Clock/25) {
					t.Errorf("picture %d: %d ticks after the one before, discontinuity %v, lost %d", i, u.PTS-units[0][i-1].PTS, u.Discontinuity, u.Lost)
				}
			}
			sound, picture := units[1][0].Time(), units[0][0].Time()
			if d := sound - picture; d < -50*time.Millisecond || d > 50*time.Millisecond {
				t.Errorf("sound begins %s after the picture", d)
			}
		})
	}
}

// TestLoss: what is lost is told, and the rest goes on in its time.
func TestLoss(t *testing.T) {
	_, units := received(t, &replay{b: clip(t, x264...), lost: func(n int) bool { return n > 20 && n%10 == 0 }})
	gaps := 0
	for i, u := range units[0] {
		if i == 0 {
			continue
		}
		d := u.PTS - units[0][i-1].PTS
		if d%(Clock/25) != 0 || d <= 0 {
			t.Errorf("picture %d: %d ticks after the one before", i, d)
		}
		if u.Lost > 0 {
			gaps++
		} else if d != Clock/25 {
			t.Errorf("picture %d: %d ticks after the one before, and nobody tells of a loss", i, d)
		}
	}
	if gaps == 0 || len(units[0]) < 10 {
		t.Errorf("%d pictures, %d with a loss before them", len(units[0]), gaps)
	}
}

// TestUDP receives what ffmpeg sends.
func TestUDP(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	free.Close()
	u, err := url.Parse("udp+mpegts://" + address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{URL: u, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream := camgate.NewRendition("test", camgate.StreamLimits{})
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, stream) }()
	args := append(append(append([]string{"-v", "error", "-re"}, testSource(10)...), x264...), "-f", "mpegts", "udp://"+address+"?pkt_size=1316")
	ffmpeg := exec.CommandContext(ctx, "ffmpeg", args...)
	var said bytes.Buffer
	ffmpeg.Stderr = &said
	if err := ffmpeg.Start(); err != nil {
		t.Fatal(err)
	}
	words := func() string { // what it said, at its end
		cancel()
		_ = ffmpeg.Wait()
		return said.String()
	}
	if _, err := stream.Ready(ctx); err != nil {
		t.Fatalf("%v\n%s", err, words())
	}
	r, err := stream.Subscribe(ctx, camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for pictures < 25 {
		u, err := r.Next()
		if err != nil {
			t.Fatalf("after %d pictures: %v\n%s", pictures, err, words())
		}
		if u.Track.Kind == camgate.Video {
			pictures++
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
	words()
}

func TestSilence(t *testing.T) {
	u, err := url.Parse("udp+mpegts://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{URL: u, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), camgate.NewRendition("test", camgate.StreamLimits{})); !errors.Is(err, camgate.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	u.Host = taken.LocalAddr().String()
	if s, err = New(Options{URL: u}); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), camgate.NewRendition("test", camgate.StreamLimits{})); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Errorf("a port that is taken: %v", err)
	}
}

func TestNew(t *testing.T) {
	for text, good := range map[string]bool{
		"udp+mpegts://127.0.0.1:5004": true, "udp+mpegts://[::1]:5004": true, "udp+mpegts://239.0.0.1:5004?interface=eth0": true,
		"udp+mpegts://127.0.0.1": false, "udp+mpegts://127.0.0.1:5004?interface=eth0": false, "udp+mpegts://239.0.0.1:1?x=y": false, "udp://h:1": false,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{URL: u}); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
