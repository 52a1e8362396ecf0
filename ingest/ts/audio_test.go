package ts

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// record makes a second of a stream with ffmpeg.
func record(t *testing.T, args string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -f lavfi -i testsrc2=s=64x64:r=10:d=1 -f lavfi -i sine=440:d=1 "+args+" -f mpegts -")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// MPEG audio passes, in packets that fit, each frame with its own time.
func TestMPEGAudio(t *testing.T) {
	for _, args := range []string{
		"-c:v libx264 -c:a mp2 -b:a 384k -ar 48000",
		"-c:v libx264 -c:a libmp3lame -ar 44100",
	} {
		var times []int64
		var frames bytes.Buffer
		d, err := NewDemuxer(bytes.NewReader(record(t, args)), func(s Sample) {
			if s.Track != 1 {
				return
			}
			times = append(times, s.PTS)
			for _, p := range s.AU {
				if len(p) > camgate.MaxPayload {
					t.Errorf("%s: %d bytes", args, len(p))
				}
				frames.Write(p[4:])
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = d.Read()
		}
		if !errors.Is(err, io.EOF) || len(d.Tracks()) != 2 || d.Tracks()[1].Codec != "MPA" || d.LeftOut() != "" {
			t.Fatalf("%s: %v, %d tracks, %s", args, err, len(d.Tracks()), d.LeftOut())
		}
		if span := times[len(times)-1] - times[0]; len(times) < 18 || span < 80000 || span > 96000 || !slices.IsSorted(times) {
			t.Errorf("%s: %d frames, which span %d ticks", args, len(times), span)
		}
		cmd := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -xerror -f mp3 -i - -f null -")...)
		cmd.Stdin = &frames
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: what passed cannot be decoded: %v: %s", args, err, out)
		}
	}
}

// Nothing is left out in silence.
func TestLeftOut(t *testing.T) {
	stream := camgate.NewRendition("cam", camgate.StreamLimits{})
	if err := Publish(bytes.NewReader(record(t, "-c:v libx264 -c:a ac3")), stream); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if got := stream.Info().Warnings; len(got) != 1 || !strings.Contains(got[0], "AC3") {
		t.Errorf("%q", got)
	}
}
