package encode

import (
	"bytes"
	"errors"
	"image/jpeg"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/camgate/camgate"
)

// clip has ffmpeg make pictures; they come in the order of decoding.
func clip(t *testing.T, f Format, args string) (list []Picture) {
	t.Helper()
	line := "-v error -f lavfi -i testsrc2=s=640x360:r=30 -frames:v 60 " + args + " -f nut -write_index 0 -"
	out, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields(line)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	in, made := newNUT(bytes.NewReader(out)), units{codec: f.Codec}
	take := made.take
	switch f.Codec {
	case camgate.VP8, camgate.VP9:
		take = func(data []byte) ([][]byte, bool, error) { return [][]byte{data}, len(list) == 0, nil }
	case camgate.AV1:
		take = func(data []byte) (au [][]byte, key bool, err error) {
			var obus av1.Bitstream
			err = obus.Unmarshal(data)
			return obus, len(list) == 0, err
		}
	}
	for {
		p, err := in.next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		made.learn(in.extra)
		au, key, err := take(p.data)
		if err != nil || len(au) == 0 {
			t.Fatal("no picture: ", err)
		}
		list = append(list, Picture{Time: time.Hour + time.Duration(in.rescale(p.pts, 1e6))*time.Microsecond + 77, AU: au, Key: key})
	}
}

// TestCompressed decodes, scales, thins out and encodes.
func TestCompressed(t *testing.T) {
	for _, tt := range []struct {
		name     string
		codec    camgate.Codec
		args     string
		want     Settings
		pictures int
	}{
		{"H264", camgate.H264, "-c:v libx264 -preset ultrafast -bf 0", Settings{Codec: camgate.H264}, 60},
		{"H264 with B-frames, smaller", camgate.H264, "-c:v libx264 -preset veryfast -bf 3", Settings{Codec: camgate.H264, Width: 320, Height: 180}, 60},
		{"H265 to H264, a third", camgate.H265, "-c:v libx265 -preset ultrafast -x265-params log-level=error", Settings{Codec: camgate.H264, FPS: 10}, 20},
		{"H264 to H264, two thirds", camgate.H264, "-c:v libx264 -preset ultrafast", Settings{Codec: camgate.H264, FPS: 20}, 40},
		{"MJPEG to H264", camgate.MJPEG, "-pix_fmt yuvj422p -c:v mjpeg", Settings{Codec: camgate.H264}, 60},
		{"MJPEG to H265", camgate.MJPEG, "-pix_fmt yuvj420p -c:v mjpeg", Settings{Codec: camgate.H265, Width: 320, Height: 180}, 60},
		{"VP8 to H264", camgate.VP8, "-c:v libvpx -deadline realtime -auto-alt-ref 0", Settings{Codec: camgate.H264}, 60},
		{"VP8 with hidden pictures", camgate.VP8, "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 5", Settings{Codec: camgate.H264}, 60},
		{"VP9 to H264, smaller", camgate.VP9, "-pix_fmt yuv420p -c:v libvpx-vp9 -deadline realtime -cpu-used 8", Settings{Codec: camgate.H264, Width: 320, Height: 180}, 60},
		{"AV1 to H264", camgate.AV1, "-pix_fmt yuv420p -c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0", Settings{Codec: camgate.H264}, 60},
		{"H264 to MJPEG", camgate.H264, "-c:v libx264 -preset ultrafast", Settings{Codec: camgate.MJPEG, FPS: 5, Quality: 60}, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := Format{Codec: tt.codec, Width: 640, Height: 360, FPS: 30}
			list := clip(t, f, tt.args)
			times := map[time.Duration]bool{}
			for _, p := range list {
				times[p.Time] = true
			}
			tt.want.Encoder = map[camgate.Codec]string{camgate.H264: "libx264", camgate.H265: "libx265", camgate.MJPEG: "mjpeg"}[tt.want.Codec]
			s := open(t, choose(t, f, tt.want), f, tt.want)
			force := tt.codec != camgate.H265 && tt.want.FPS == 0
			got, keys, newest := 0, 0, time.Duration(0)
			err := s.Run(t.Context(), source(len(list), func(i int) Picture {
				if i == 30 && force && !s.ForceKeyframe() {
					t.Error("no keyframes on request")
				}
				return list[i]
			}), func(p Picture) error {
				if !times[p.Time] || p.Time <= newest {
					t.Errorf("picture %d has time %v after %v", got, p.Time, newest)
				}
				newest = p.Time
				got++
				if p.Key {
					keys++
				}
				if err := looks(s.Settings(), p); err != nil {
					t.Error(err)
				}
				return nil
			})
			if err != nil || got < tt.pictures-1 || got > tt.pictures+1 {
				t.Errorf("%d pictures, want %d; %v", got, tt.pictures, err)
			}
			if force && keys != 2 {
				t.Errorf("%d keyframes", keys)
			}
		})
	}
}

// looks checks a picture that came out.
func looks(s Settings, p Picture) error {
	width, height := s.Width, s.Height
	if s.Codec == camgate.MJPEG {
		c, err := jpeg.DecodeConfig(bytes.NewReader(p.AU[0]))
		if err != nil {
			return err
		}
		width, height = c.Width, c.Height
	}
	if s.Codec == camgate.H264 && p.Key {
		var sps h264.SPS
		if err := sps.Unmarshal(p.AU[0]); err != nil {
			return err
		}
		width, height = sps.Width(), sps.Height()
	}
	if width != s.Width || height != s.Height {
		return errors.New("wrong size")
	}
	return nil
}
