package jpegcam

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"net/url"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// file makes a JPEG of one grey, so that each differs from the others.
func file(t testing.TB, grey byte) []byte {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = grey + byte(i%7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// files makes n different ones.
func files(t testing.TB, n int) (list [][]byte) {
	t.Helper()
	for i := range n {
		list = append(list, file(t, byte(20*i)))
	}
	return list
}

// segment puts a segment of an application (ITU-T T.81, B.2.4.6) behind the beginning
// of a file, as for a thumbnail.
func segment(jpeg, content []byte) []byte {
	n := len(content) + 2
	return bytes.Join([][]byte{jpeg[:2], {0xff, 0xe1, byte(n >> 8), byte(n)}, content, jpeg[2:]}, nil)
}

func newSource(t testing.TB, o Options, text string) *Source {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	o.URL = u
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// took is what came of a source.
type took struct {
	units []*camgate.Unit
	err   error // of Run
}

// take runs a source until n pictures came or it ended.
func take(t testing.TB, s *Source, n int) took {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stream := camgate.NewRendition("test", camgate.StreamLimits{})
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, stream) }()
	var out took
	seen := make(chan struct{})
	reading, stop := context.WithCancel(ctx)
	go func() {
		defer close(seen)
		if _, err := stream.Ready(reading); err != nil {
			return
		}
		r, err := stream.Subscribe(reading, camgate.SubscribeOptions{})
		if err != nil {
			return
		}
		defer r.Close()
		for len(out.units) < n {
			u, err := r.Next()
			if err != nil {
				return
			}
			out.units = append(out.units, u)
		}
	}()
	select {
	case <-seen:
		cancel()
		out.err = <-ended
	case out.err = <-ended:
	}
	stop() // a reader stays when its source has ended
	<-seen
	return out
}

// grey is the brightness of a picture, which must be one that can be decoded.
func grey(t testing.TB, b []byte) byte {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("no JPEG: %v", err)
	}
	return color.GrayModel.Convert(m.At(0, 0)).(color.Gray).Y
}
