package rtsp

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// The parameter sets of a 1920x1080 H264 stream.
var (
	testSPS = []byte{
		0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00,
		0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
	}
	testPPS = []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
)

// camera publishes made-up pictures (and sound) to a stream.
type camera struct {
	t      testing.TB
	writer *ingest.Writer
	tracks []*camgate.Track
	frame  int64 // number of the next picture, 25 a second
	size   int   // of a picture in bytes
}

func newTrack(t testing.TB, o camgate.TrackOptions) *camgate.Track {
	t.Helper()
	track, err := ingest.NewTrack(o)
	if err != nil {
		t.Fatal(err)
	}
	return track
}

func h264Track(t testing.TB) *camgate.Track {
	return newTrack(t, camgate.TrackOptions{Codec: camgate.H264, Params: &camgate.Params{SPS: testSPS, PPS: testPPS}})
}

func opusTrack(t testing.TB) *camgate.Track {
	return newTrack(t, camgate.TrackOptions{Codec: camgate.Opus, Channels: 1})
}

// newCamera starts a stream with H264 and, if sound, Opus.
func newCamera(t testing.TB, s *camgate.Stream, sound bool) *camera {
	t.Helper()
	tracks := []*camgate.Track{h264Track(t)}
	if sound {
		tracks = append(tracks, opusTrack(t))
	}
	return startCamera(t, s, tracks)
}

func startCamera(t testing.TB, s *camgate.Stream, tracks []*camgate.Track) *camera {
	t.Helper()
	w, err := ingest.NewWriter(s, tracks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &camera{t: t, writer: w, tracks: w.Tracks(), size: 4000}
}

// picture publishes the next picture, and the sound that goes with it. Its last two
// bytes are its number.
func (c *camera) picture(key bool) {
	c.t.Helper()
	au := [][]byte{append(append([]byte{0x41}, pattern(c.size)...), byte(c.frame>>8), byte(c.frame))}
	if key {
		au[0][0] = 0x65
		au = append([][]byte{testSPS, testPPS}, au...)
	}
	if err := c.writer.Write(ingest.Sample{Track: 0, PTS: c.frame * 3600, AU: au}); err != nil {
		c.t.Error(err)
	}
	if len(c.tracks) > 1 {
		for i := range int64(2) {
			pts := c.frame*1920 + i*960
			if err := c.writer.Write(ingest.Sample{Track: 1, PTS: pts, AU: [][]byte{{0xfc, byte(c.frame), byte(i)}}}); err != nil {
				c.t.Error(err)
			}
		}
	}
	c.frame++
}

// gop publishes a keyframe and n-1 more pictures.
func (c *camera) gop(n int) {
	c.t.Helper()
	for i := range n {
		c.picture(i == 0)
	}
}

// run publishes 25 pictures a second with a keyframe each second until the
// returned function is called, at the latest until the test ends.
func (c *camera) run() (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for {
			c.picture(c.frame%25 == 0)
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(end); <-done })
	c.t.Cleanup(stop)
	return stop
}

// pattern is n bytes that hold no start code.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%250) + 5
	}
	return b
}

// number is that of the picture that a packet with a marker ends.
func number(p *rtp.Packet) int { return int(binary.BigEndian.Uint16(p.Payload[len(p.Payload)-2:])) }

// camSample is the next keyframe of a camera with other parameter sets.
func camSample(c *camera, sps, pps []byte) ingest.Sample {
	s := ingest.Sample{PTS: c.frame * 3600, AU: [][]byte{sps, pps, append([]byte{0x65}, pattern(c.size)...)}}
	c.frame++
	return s
}
