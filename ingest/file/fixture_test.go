package file

import (
	"bytes"
	"context"
	"encoding/csv"
	"hash/maphash"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// clip makes a recording with ffmpeg: 3 s of a moving picture (25 a second) and of
// a tone; args say how to code them.
func clip(t testing.TB, name string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	ffmpeg(t, append(append([]string{
		"-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=3", "-f", "lavfi", "-i", "sine=r=48000:d=3", "-pix_fmt", "yuv420p",
	}, args...), file)...)
	return file
}

// x264 codes with three B-frames in a row, aac in frames of 1,024 samples.
func x264() []string {
	return []string{"-c:v", "libx264", "-bf", "3", "-g", "25", "-preset", "veryfast"}
}
func aac() []string { return []string{"-c:a", "aac"} }

func args(lists ...[]string) (out []string) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func ffmpeg(t testing.TB, args ...string) {
	t.Helper()
	if out, err := exec.Command("ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
}

// probed are the presentation times of a recording's packets by kind, as ffprobe
// tells them: in decoding order, in seconds.
func probed(t testing.TB, file string) map[camgate.Kind][]float64 {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time", "-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	r := csv.NewReader(bytes.NewReader(out))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	times := map[camgate.Kind][]float64{}
	for _, row := range rows {
		if len(row) < 2 || row[1] == "" { // side data of the packet before
			continue
		}
		at, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatalf("ffprobe: %v", row)
		}
		times[camgate.Kind(row[0])] = append(times[camgate.Kind(row[0])], at)
	}
	return times
}

// played is a Unit and when it came, from the beginning of the test.
type played struct {
	*camgate.Unit
	at time.Duration
}

// play runs a source in a bubble for a while, and returns the Units of each track
// in the order in which they came. The error is that of Run when it ended before.
func play(t *testing.T, o Options, d time.Duration) (tracks []*camgate.Track, units [][]played, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		src, e := New(o)
		if e != nil {
			t.Fatal(e)
		}
		s := camgate.NewRendition("test", camgate.StreamLimits{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		ended := make(chan error, 1)
		go func() { ended <- src.Run(ctx, s) }()
		synctest.Wait()
		if tracks = s.Tracks(); tracks == nil {
			err = <-ended
			return
		}
		units = make([][]played, len(tracks))
		r, e := s.Subscribe(ctx, camgate.SubscribeOptions{})
		if e != nil {
			t.Fatal(e)
		}
		done := make(chan struct{})
		seed := maphash.MakeSeed()
		sums := map[*camgate.Unit]uint64{}
		go func() {
			defer close(done)
			for {
				u, err := r.Next()
				if err != nil {
					return
				}
				units[u.Track.ID] = append(units[u.Track.ID], played{u, time.Since(began)})
				sums[u] = sum(seed, u.AU)
			}
		}()
		select {
		case err = <-ended:
		case <-time.After(d):
			cancel()
			if e := <-ended; e != context.Canceled {
				t.Errorf("Run ended with %v", e)
			}
		}
		synctest.Wait()
		r.Close()
		<-done
		for u, want := range sums {
			if sum(seed, u.AU) != want {
				t.Fatal("the bytes of a Unit changed after it was published")
			}
		}
		if skipped := r.Stats().Skipped; skipped != [len(skipped)]uint64{} {
			t.Errorf("Units that nobody can start with: %v", skipped)
		}
	})
	return tracks, units, err
}

func sum(seed maphash.Seed, au [][]byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, b := range au {
		h.Write(b)
	}
	return h.Sum64()
}
