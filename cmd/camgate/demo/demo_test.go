package demo_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"github.com/camgate/camgate/cmd/camgate/demo"
)

// tracks demuxes the clip into its video and its audio track.
func tracks(t *testing.T) (video, audio *pmp4.Track) {
	t.Helper()
	var p pmp4.Presentation
	if err := p.Unmarshal(bytes.NewReader(demo.Clip())); err != nil {
		t.Fatal(err)
	}
	if len(p.Tracks) != 2 {
		t.Fatalf("%d tracks, want 2", len(p.Tracks))
	}
	return p.Tracks[0], p.Tracks[1]
}

func payload(t *testing.T, s *pmp4.Sample) []byte {
	t.Helper()
	b, err := s.GetPayload()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkTiming holds for both tracks: evenly spaced, no reordering, from 0 to
// exactly 8 s.
func checkTiming(t *testing.T, tr *pmp4.Track, samples int) {
	t.Helper()
	if len(tr.Samples) != samples {
		t.Errorf("%d samples, want %d", len(tr.Samples), samples)
	}
	if tr.TimeOffset != 0 {
		t.Errorf("starts at %d, want 0", tr.TimeOffset)
	}
	var total uint64
	for i, s := range tr.Samples {
		if s.Duration != tr.Samples[0].Duration {
			t.Errorf("sample %d lasts %d, the first one %d", i, s.Duration, tr.Samples[0].Duration)
		}
		if s.PTSOffset != 0 {
			t.Errorf("sample %d: PTS differs from DTS by %d", i, s.PTSOffset)
		}
		total += uint64(s.Duration)
	}
	if want := 8 * uint64(tr.TimeScale); total != want {
		t.Errorf("lasts %d/%d s, want 8 s", total, tr.TimeScale)
	}
}

func TestClipSize(t *testing.T) {
	if n := len(demo.Clip()); n == 0 || n >= 2<<20 {
		t.Errorf("clip has %d bytes, want less than 2 MB", n)
	}
	demo.Clip()[0]++
	if demo.Clip()[0] != 0 {
		t.Error("a caller can change the clip")
	}
	// An edit list would have to be honoured by whoever plays the clip.
	if bytes.Contains(demo.Clip(), []byte("elst")) {
		t.Error("clip has an edit list")
	}
}

func TestVideoTrack(t *testing.T) {
	tr, _ := tracks(t)
	checkTiming(t, tr, demo.Frames)

	codec, ok := tr.Codec.(*codecs.H264)
	if !ok {
		t.Fatalf("codec %T", tr.Codec)
	}
	var sps h264.SPS
	if err := sps.Unmarshal(codec.SPS); err != nil {
		t.Fatal(err)
	}
	if sps.Width() != demo.Width || sps.Height() != demo.Height {
		t.Errorf("size %dx%d", sps.Width(), sps.Height())
	}
	if sps.FPS() != demo.FPS {
		t.Errorf("%v fps", sps.FPS())
	}
	if sps.ProfileIdc != 66 {
		t.Errorf("profile %d, want baseline", sps.ProfileIdc)
	}

	for i, s := range tr.Samples {
		key := i%demo.GOP == 0
		if s.IsNonSyncSample == key {
			t.Errorf("picture %d: keyframe %v, want %v", i, !s.IsNonSyncSample, key)
		}
		var au h264.AVCC
		if err := au.Unmarshal(payload(t, s)); err != nil {
			t.Fatalf("picture %d: %v", i, err)
		}
		want := h264.NALUTypeNonIDR
		if key {
			want = h264.NALUTypeIDR
		}
		if len(au) != 1 || h264.NALUType(au[0][0]&0x1F) != want {
			t.Errorf("picture %d is not one %v slice", i, want)
		}
	}
}

func TestAudioTrack(t *testing.T) {
	_, tr := tracks(t)
	checkTiming(t, tr, demo.AudioFrames)

	codec, ok := tr.Codec.(*codecs.MPEG4Audio)
	if !ok {
		t.Fatalf("codec %T", tr.Codec)
	}
	c := codec.Config
	if c.Type != mpeg4audio.ObjectTypeAACLC || c.SampleRate != demo.SampleRate ||
		c.ChannelConfig != demo.Channels || c.ExtensionType != 0 {
		t.Errorf("config %+v", c)
	}
	if tr.TimeScale != demo.SampleRate || tr.Samples[0].Duration != demo.SamplesPerFrame {
		t.Errorf("frame lasts %d/%d s", tr.Samples[0].Duration, tr.TimeScale)
	}
}

// TestBeeps decodes the sound played twice, without a pause, and compares it
// with the ideal signal. The first beep is left out: a decoder which has just
// been started lacks the frame before it, and every AAC stream fades in. The
// beep at 8 s is in, and it is the one across the seam.
func TestBeeps(t *testing.T) {
	_, tr := tracks(t)
	var packets mpeg4audio.ADTSPackets
	for range 2 {
		for _, s := range tr.Samples {
			packets = append(packets, &mpeg4audio.ADTSPacket{
				Type: mpeg4audio.ObjectTypeAACLC, SampleRate: demo.SampleRate,
				ChannelConfig: demo.Channels, AU: payload(t, s),
			})
		}
	}
	adts, err := packets.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	pcm := ffmpeg(t, adts, "-f", "aac", "-i", "-", "-f", "s16le", "-")
	if want := 16 * demo.SampleRate * 2; len(pcm) != want {
		t.Fatalf("%d bytes of sound, want %d", len(pcm), want)
	}

	const (
		amplitude = 8000
		ramp      = 24 // samples of fading at both ends
		tolerance = 100
		beepLen   = demo.SampleRate * demo.FlashFrames / demo.FPS
	)
	for i := demo.SampleRate; i < 16*demo.SampleRate; i++ {
		var want float64
		if n := i % demo.SampleRate; n < beepLen {
			gain := min(1, float64(n)/ramp, float64(beepLen-n)/ramp)
			want = amplitude * gain * math.Sin(2*math.Pi*1000*float64(n)/demo.SampleRate)
		}
		got := int16(binary.LittleEndian.Uint16(pcm[i*2:]))
		if math.Abs(float64(got)-want) > tolerance {
			t.Fatalf("sample %d is %d, want %.0f", i, got, want)
		}
	}
}

// TestFlash looks at the sync square and at the border: white on the first
// pictures of each second, the ones which are shown while it beeps, and only
// there.
func TestFlash(t *testing.T) {
	const w, h = demo.Width / 4, demo.Height / 4
	gray := ffmpeg(t, demo.Clip(), "-i", "-", "-vf", "scale=320:180:flags=area,format=gray",
		"-f", "rawvideo", "-")
	if len(gray) != demo.Frames*w*h {
		t.Fatalf("%d bytes of pictures, want %d", len(gray), demo.Frames*w*h)
	}
	for n := range demo.Frames {
		want := n%demo.FPS < demo.FlashFrames
		pic := gray[n*w*h:]
		square, border := pic[35*w+292], pic[90*w]
		if (square > 220) != want || (border > 220) != want {
			t.Errorf("picture %d: square %d, border %d, flash expected: %v", n, square, border, want)
		}
	}
}

// TestDecodesCleanly plays the whole file twice in a row, as a loop does.
func TestDecodesCleanly(t *testing.T) {
	path := t.TempDir() + "/demo.mp4"
	if err := os.WriteFile(path, demo.Clip(), 0o600); err != nil {
		t.Fatal(err)
	}
	ffmpeg(t, nil, "-xerror", "-stream_loop", "1", "-i", path, "-f", "null", "-")
}

// ffmpeg runs it and fails on anything it complains about.
func ffmpeg(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg",
		append([]string{"-hide_banner", "-nostats", "-v", "warning"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, errs.String())
	}
	return out.Bytes()
}
