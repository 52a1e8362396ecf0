package hls

import (
	"context"
	"encoding/csv"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// TestFFmpeg has ffmpeg decode streams as their first viewer, without a complaint:
// each codec, pictures out of order, and parameters that change while it plays.
func TestFFmpeg(t *testing.T) {
	aac := load(t, "h264-aac")
	for _, c := range []struct {
		name         string
		seconds      int
		clips        []*clip // one after the other, 4 s each
		video, audio int     // frames at least
	}{
		{"h264-aac", 3, []*clip{aac}, 50, 100},
		{"h265-opus", 3, []*clip{load(t, "h265-opus")}, 50, 100},
		{"open GOP", 3, []*clip{load(t, "h265-opus").turned(t)}, 50, 100}, // begins with a CRA picture
		{"bframes", 3, []*clip{load(t, "h264-bframes")}, 50, 0},
		{"audio", 3, []*clip{aac.only(camgate.Audio)}, 0, 100},
		{"change", 7, []*clip{aac.only(camgate.Video), load(t, "h264-small")}, 150, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := serve(t)
			g.wg.Go(func() {
				for i := 0; g.ctx.Err() == nil; i++ {
					length := 4 * time.Second
					if len(c.clips) == 1 {
						length = forever
					}
					play(g.ctx, t, g.stream, c.clips[i%len(c.clips)], length)
				}
			})
			server := httptest.NewServer(g)
			defer server.Close()
			frames := ffprobe(t, server.URL+"/cam/index.m3u8", c.seconds)
			if frames["video"] < c.video || frames["audio"] < c.audio {
				t.Errorf("decoded %v, want %d pictures and %d frames of sound", frames, c.video, c.audio)
			}
		})
	}
}

// serve is a Server with one stream in real time, until the test ends.
func serve(t testing.TB) *gateway {
	ctx, cancel := context.WithCancel(context.Background())
	g := &gateway{Server: New(Options{}), stream: newStream("cam"), ctx: ctx}
	g.wg.Go(func() { _ = g.Run(ctx) })
	t.Cleanup(g.wg.Wait)
	t.Cleanup(cancel)
	return g
}

// ffprobe decodes some seconds and returns the frames by kind of track.
func ffprobe(t *testing.T, url string, seconds int) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(seconds+30)*time.Second)
	defer cancel()
	var out, errs strings.Builder
	cmd := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-count_frames", "-read_intervals", "%+"+strconv.Itoa(seconds),
		"-show_entries", "stream=codec_type,nb_read_frames", "-of", "csv=p=0", url)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("ffprobe: %v: %s", err, errs.String())
	}
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	frames := map[string]int{}
	for _, row := range rows {
		if n, err := strconv.Atoi(row[len(row)-1]); err == nil {
			frames[row[0]] = max(frames[row[0]], n) // ffprobe tells of each twice
		}
	}
	return frames
}
