package camera

import (
	"slices"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/internal/v4l2"
)

// one buffer that a device gives again and again.
type bufferOf []byte

func (bufferOf) Planes() int                     { return 1 }
func (b bufferOf) Data(*v4l2.Buffer, int) []byte { return b }

// capturing is a capture as run leaves it, without a device.
func capturing(tb testing.TB, f v4l2.Format) (*capture, *camgate.Stream) {
	tb.Helper()
	s, err := New(Options{Target: "/dev/video0"})
	if err != nil {
		tb.Fatal(err)
	}
	// As the wiring makes the hidden stream of raw pictures: two of them.
	size := int64(f.Planes[0].Stride*f.Height*2 + 1024)
	stream := camgate.NewRendition("cam", camgate.StreamLimits{Ring: camgate.RingLimits{Window: time.Nanosecond, CacheBytes: 2 * size}})
	c := &capture{source: s, stream: stream, format: f, codec: codecOf(f.Pixels), jpegs: newJPEGs()}
	p := &camgate.Params{Width: f.Width, Height: f.Height}
	if c.codec == camgate.Raw {
		if c.raw, err = newRawPictures(f); err != nil {
			tb.Fatal(err)
		}
	}
	if c.track, err = ingest.NewTrack(camgate.TrackOptions{Codec: c.codec, Params: p}); err != nil {
		tb.Fatal(err)
	}
	if c.writer, err = ingest.NewWriter(stream, []*camgate.Track{c.track}); err != nil {
		tb.Fatal(err)
	}
	c.track = c.writer.Tracks()[0]
	return c, stream
}

var raw720 = v4l2.Format{Pixels: v4l2.YUYV, Width: 1280, Height: 720, Planes: []v4l2.PlaneFormat{{Stride: 2560, Size: 2560 * 720}}}

// A raw picture costs one copy, and no memory of its own.
func BenchmarkRaw720p(b *testing.B) {
	c, _ := capturing(b, raw720)
	from := bufferOf(make([]byte, 2560*720))
	b.SetBytes(int64(len(from)))
	b.ReportAllocs()
	for i := range b.N {
		c.take(from, &v4l2.Buffer{Sequence: uint32(i)})
	}
}

func TestRawUsesMemoryAgain(t *testing.T) {
	c, stream := capturing(t, raw720)
	from := bufferOf(make([]byte, 2560*720))
	n := uint32(0)
	take := func() { c.take(from, &v4l2.Buffer{Sequence: n}); n++ }
	for range 10 {
		take()
	}
	bytes := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			take()
		}
	}).AllocedBytesPerOp()
	if bytes > 2000 {
		t.Errorf("%d bytes are allocated for each picture", bytes)
	}
	if free := len(c.raw.pool.free); free < 1 {
		t.Errorf("%d pictures came back", free)
	}
	if st := c.source.Stats(); st.Lost != 0 || st.Broken != 0 || st.Pictures != uint64(n) {
		t.Errorf("%+v of %d", st, n)
	}
	if stream.Units() != uint64(n) {
		t.Errorf("%d of %d are published", stream.Units(), n)
	}
	t.Logf("%d bytes allocated for each picture of %d", bytes, len(from))
}

func TestLostAndBroken(t *testing.T) {
	c, stream := capturing(t, v4l2.Format{Pixels: v4l2.MJPEG, Width: 64, Height: 48, Planes: []v4l2.PlaneFormat{{}}})
	good := jpegFile(false, "abc\xff\xd9")
	for _, b := range []struct {
		sequence uint32
		broken   bool
		data     []byte
	}{
		{5, false, good}, {6, false, good}, {9, false, good}, {10, true, good}, {11, false, good[:50]}, {12, false, nil}, {13, false, good}, {2, false, good},
	} {
		c.take(bufferOf(b.data), &v4l2.Buffer{Sequence: b.sequence, Broken: b.broken})
	}
	if st := c.source.Stats(); st != (Stats{Pictures: 5, Lost: 2, Broken: 3}) {
		t.Errorf("%+v", st)
	}
	if stream.Units() != 5 {
		t.Errorf("%d published", stream.Units())
	}
	c.tell(time.Now())
	c.source.lost.Add(3)
	c.told = time.Now().Add(-time.Minute)
	c.tell(time.Now())
	const warning = "of the last 3 pictures, the device dropped 3, and 0 came broken"
	if w := stream.Info().Warnings; !slices.Contains(w, warning) {
		t.Errorf("%q", w)
	}
	c.told = time.Now().Add(-time.Minute)
	if c.tell(time.Now()); slices.Contains(stream.Info().Warnings, warning) {
		t.Error("the warning stays")
	}
}

// A picture that a camera compressed costs a look at it and a copy.
func BenchmarkMJPEG720p(b *testing.B) {
	c, _ := capturing(b, v4l2.Format{Pixels: v4l2.MJPEG, Width: 1280, Height: 720, Planes: []v4l2.PlaneFormat{{}}})
	scan := make([]byte, 120_000)
	for i := range scan {
		if scan[i] = byte(i * 7); scan[i] == 0xff {
			scan[i] = 0
		}
	}
	from := bufferOf(jpegFile(false, string(scan)+"\xff\xd9"))
	b.SetBytes(int64(len(from)))
	b.ReportAllocs()
	for i := range b.N {
		c.take(from, &v4l2.Buffer{Sequence: uint32(i)})
	}
}
