package hls

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/camgate/camgate"
)

// TestPicturesOutOfOrder: with B-frames, decoding times go up at the pace of the pictures
// and none is later than its presentation, which is that of the source to the tick.
// ffprobe reads both, the source and what a viewer gets of it.
func TestPicturesOutOfOrder(t *testing.T) {
	const each = 25 // pictures from keyframe to keyframe, a second
	for name, encoder := range map[string]string{
		"H264, two B-frames": "libx264 -bf 2 -x264-params keyint=25:scenecut=0:b-adapt=0:b-pyramid=none",
		"H264, B-pyramid":    "libx264 -bf 3 -x264-params keyint=25:scenecut=0:b-adapt=0:b-pyramid=normal",
		"H265, B-pyramid":    "libx265 -x265-params keyint=25:min-keyint=25:scenecut=0:bframes=3:b-adapt=0:b-pyramid=1:open-gop=0:log-level=error",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "source.ts")
			line := "-v error -nostdin -f lavfi -i testsrc=size=320x180:rate=25:duration=4 -preset veryfast -pix_fmt yuv420p -muxdelay 0 -f mpegts -c:v " + encoder
			if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(strings.Fields(line), file)...).CombinedOutput(); err != nil {
				t.Fatalf("ffmpeg: %v: %s", err, out)
			}
			source := packets(t, "", file)
			if len(source) != 4*each || !strings.Contains(source[0].Flags, "K") {
				t.Fatalf("%d pictures in the source", len(source))
			}
			c := loadFile(t, file)
			var media strings.Builder
			inBubble(t, Options{}, func(t *testing.T, g *gateway) {
				g.play(t, c)
				time.Sleep(6*time.Second + 70*time.Millisecond) // behind a keyframe, not at the same moment
				g.get(t, indexName)
				time.Sleep(5 * time.Second)
				m := g.media(t, "")
				media.WriteString(g.get(t, m.Map.URI))
				for _, s := range m.Segments[len(prelude):] {
					media.WriteString(g.get(t, s.URI))
				}
			})
			served := packets(t, media.String(), "-")
			if len(served) < 4*each {
				t.Fatalf("%d pictures served", len(served))
			}
			const tick = 90000 / 25
			for i, p := range served {
				round := int64(i / each)
				if want := source[i%each].PTS - source[0].PTS + round*90000; p.PTS-served[0].PTS != want || strings.Contains(p.Flags, "K") != (i%each == 0) {
					t.Fatalf("picture %d (%s) is shown at %d, want %d", i, p.Flags, p.PTS-served[0].PTS, want)
				}
				if i > 0 && p.DTS-served[i-1].DTS != tick || p.DTS > p.PTS {
					t.Fatalf("picture %d is decoded at %d, %d after the one before it, and shown at %d", i, p.DTS, p.DTS-served[max(i-1, 0)].DTS, p.PTS)
				}
			}
		})
	}
}

// TestNoHoles: pictures follow each other to the tick, also where those that stand still at
// the beginning of a playlist end, and though those of the source come at no steady pace.
// Between silence and the first sound there is no more than two access units.
func TestNoHoles(t *testing.T) {
	c := load(t, "h264-aac")
	n := 0
	for i := range c.samples {
		if sm := &c.samples[i]; c.kind(sm.Track) == camgate.Video {
			sm.PTS += int64(n%2) * 1400
			n++
		}
	}
	var media strings.Builder
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.play(t, c)
		time.Sleep(3*time.Second + 70*time.Millisecond)
		g.get(t, indexName)
		m := g.media(t, "")
		time.Sleep(4 * time.Second)
		now := g.media(t, "")
		if now.MediaSequence != m.MediaSequence {
			t.Fatal("what stands still is gone already")
		}
		for _, s := range now.Segments {
			media.WriteString(g.get(t, s.URI))
		}
	})
	var parts fmp4.Parts
	if err := parts.Unmarshal([]byte(media.String())); err != nil {
		t.Fatal(err)
	}
	samples, ends := map[int]int{}, map[int]uint64{}
	for i, p := range parts {
		for _, tr := range p.Tracks {
			hole := int64(tr.BaseTime - ends[tr.ID])
			if most := int64(tr.ID-1) * 2 * 1024; ends[tr.ID] != 0 && (hole < 0 || hole > most) {
				t.Errorf("track %d: part %d begins at %d, the one before it ends at %d", tr.ID, i, tr.BaseTime, ends[tr.ID])
			}
			ends[tr.ID] = tr.BaseTime
			for _, s := range tr.Samples {
				ends[tr.ID] += uint64(s.Duration)
				samples[tr.ID]++
			}
		}
	}
	if samples[1] < 60 || samples[2] < 100 {
		t.Errorf("%v samples", samples)
	}
}

// packet is a picture as ffprobe tells of it, in ticks of 90 kHz.
type packet struct {
	PTS   int64  `json:"pts"`
	DTS   int64  `json:"dts"`
	Flags string `json:"flags"`
}

// packets reads a file, or what is on standard input.
func packets(t *testing.T, stdin, file string) []packet {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts,dts,flags", "-of", "json", file)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	var list struct{ Packets []packet }
	if err == nil {
		err = json.Unmarshal(out, &list)
	}
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	return list.Packets
}
