package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/pipe"
)

// clip is the name of a file with two seconds of H264, 25 pictures in each.
func clip(t testing.TB, args ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "clip")
	all := append([]string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10",
	}, append(args, name)...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", all...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return name
}

func newSource(t testing.TB, args ...string) *Source {
	t.Helper()
	s, err := New(Options{Args: args, Grace: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A program that ends is started again, knows its stream, and viewers stay.
func TestSupervised(t *testing.T) {
	mpegts := clip(t, "-f", "mpegts")
	starts := filepath.Join(t.TempDir(), "starts")
	source := newSource(t, "sh", "-c", `echo "$CAMGATE_STREAM" >>"$1"; exec ffmpeg -v error -re -i "$2" -t 0.6 -c copy -f mpegts -`, "sh", starts, mpegts)
	registry := camgate.NewRegistry(0)
	stream, err := registry.Add("live/yard", camgate.StreamLimits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	sup := ingest.NewSupervisor(stream, []camgate.Source{source}, ingest.Options{Logger: slog.New(slog.DiscardHandler)})
	done := make(chan error, 1)
	go func() { done <- sup.Run(ctx) }()
	if _, err := stream.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	reader, err := stream.Subscribe(ctx, camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 3; {
		u, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		if u.Discontinuity {
			n++
		}
	}
	cancel()
	<-done
	b, err := os.ReadFile(starts)
	if err != nil || !strings.HasPrefix(string(b), "live/yard\nlive/yard\nlive/yard\n") {
		t.Errorf("starts %q, %v", b, err)
	}
}

// The formats by ffmpeg, found out and told.
func TestFormats(t *testing.T) {
	for _, format := range []pipe.Format{pipe.H264, pipe.H265, pipe.MJPEG, pipe.MPEGTS} {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s told %t", format, told), func(t *testing.T) {
				codec, muxer, want := "libx264", string(format), camgate.H264
				switch format {
				case pipe.H265:
					codec, muxer, want = "libx265", "hevc", camgate.H265
				case pipe.MJPEG:
					codec, want = "mjpeg", camgate.MJPEG
				}
				words, err := Words("ffmpeg -v error -re -f lavfi -i testsrc2=s=320x180:r=25 -pix_fmt yuvj420p -g 10 -preset ultrafast -flush_packets 1 -c:v " + codec + " -f " + muxer + " -")
				if err != nil {
					t.Fatal(err)
				}
				if format == pipe.MJPEG {
					words = slices.DeleteFunc(words, func(w string) bool { return w == "-preset" || w == "ultrafast" })
				}
				o := Options{Args: words}
				if told {
					o.Format = format
				}
				source, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				stream := camgate.NewRendition("yard", camgate.StreamLimits{})
				done := make(chan error, 1)
				go func() { done <- source.Run(ctx, stream) }()
				tracks, err := stream.Ready(ctx)
				if err != nil {
					t.Fatalf("%v, %v", err, <-done)
				}
				reader, err := stream.Subscribe(ctx, camgate.SubscribeOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for range 5 {
					if _, err := reader.Next(); err != nil {
						t.Fatal(err)
					}
				}
				if len(tracks) != 1 || tracks[0].Codec != want || tracks[0].Params().Width != 320 {
					t.Errorf("tracks %+v, %+v", tracks[0], tracks[0].Params())
				}
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("ended with %v", err)
				}
			})
		}
	}
}
