package jpegcam

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/camgate/camgate"
)

// TestDialects: whatever stands between the pictures, they come out as they went in.
func TestDialects(t *testing.T) {
	in := files(t, 3)
	cut := func(b []byte) []byte { return b[:len(b)-2] } // without its end
	tests := []struct {
		name, boundary string
		part           func(b []byte) []byte
		want           func(b []byte) []byte // nil: as it went in
	}{
		{name: "as RFC 2046 has it", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b), b)
		}},
		{name: "without a length", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n", b)
		}},
		{name: "without a declared boundary", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\ncontent-type: image/jpeg\r\ncontent-length:%d\r\n\r\n%s\r\n", len(b), b)
		}},
		{name: "declared with its dashes", boundary: "--x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b), b)
		}},
		{name: "declared with dashes, written with four", boundary: "--x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "----x\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b), b)
		}},
		{name: "another one than declared", boundary: "y", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b), b)
		}},
		{name: "delimiter without dashes", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "x\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b), b)
		}},
		{name: "line feeds alone", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\nContent-Length: %d\n\n%s\n", len(b), b)
		}},
		{name: "no line behind a picture", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
		}},
		{name: "files one after the other", part: func(b []byte) []byte { return b }},
		{name: "zeros behind each file", part: func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, 1000)...) }},
		{name: "longer than said", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b)/2, b)
		}},
		{name: "shorter than said", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b)+5000, b)
		}},
		{name: "of a length beyond reason", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: 99999999999999999999\r\n\r\n%s\r\n", b)
		}},
		{name: "without an end, with a length", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: %d\r\n\r\n%s\r\n", len(b)-2, cut(b))
		}},
		{name: "without an end, without a length", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\n\r\n%s\r\n", cut(b))
		}},
		{name: "with a picture in it", part: func(b []byte) []byte { return segment(b, b) }, want: func(b []byte) []byte { return segment(b, b) }},
		{name: "with another one behind it, as of several views", boundary: "x", part: func(b []byte) []byte {
			return fmt.Appendf(nil, "--x\r\nContent-Length: %d\r\n\r\n%s%s\r\n", 2*len(b), b, b)
		}},
		{name: "with fill bytes before markers", part: func(b []byte) []byte {
			return bytes.Join([][]byte{b[:2], {0xff, 0xff}, b[2:]}, nil)
		}, want: func(b []byte) []byte { return bytes.Join([][]byte{b[:2], {0xff, 0xff}, b[2:]}, nil) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sent bytes.Buffer
			for _, b := range in {
				sent.Write(tt.part(b))
			}
			// What makes the last one complete where only the next one does.
			sent.WriteString("--x\r\n\r\n")
			sent.Write(in[0])
			for _, how := range []func(io.Reader) io.Reader{
				func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader,
			} {
				s := splitter{r: how(bytes.NewReader(sent.Bytes())), max: 1 << 20, delimiter: delimiterOf(tt.boundary)}
				for i, b := range in {
					if tt.want != nil {
						b = tt.want(b)
					}
					p, err := s.next()
					if err != nil {
						t.Fatalf("picture %d: %v", i, err)
					}
					if !bytes.Equal(p.jpeg, b) {
						t.Fatalf("picture %d has %d bytes, want %d: %.20x ... %x", i, len(p.jpeg), len(b), p.jpeg, p.jpeg[len(p.jpeg)-8:])
					}
				}
			}
		})
	}
}

// TestNoWait: a picture is there with its last byte, before anything behind it.
func TestNoWait(t *testing.T) {
	b := file(t, 1)
	for _, header := range []string{"", "--x\r\n\r\n", fmt.Sprintf("--x\r\nContent-Length: %d\r\n\r\n", len(b)), "--x\r\nContent-Length: 100000\r\n\r\n"} {
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write([]byte(header))
			_, _ = w.Write(b)
		}()
		s := splitter{r: r, max: 1 << 20}
		if p, err := s.next(); err != nil || !bytes.Equal(p.jpeg, b) {
			t.Errorf("%q: %d bytes, %v", header, len(p.jpeg), err)
		}
		r.Close()
	}
}

func TestStamps(t *testing.T) {
	b := file(t, 1)
	s := splitter{r: strings.NewReader("--x\r\nX-Timestamp: 12.345678\r\n\r\n" + string(b) + "\r\n--x\r\n\r\n" + string(b)), max: 1 << 20}
	for _, want := range []time.Duration{12345678 * time.Microsecond, 0} {
		if p, err := s.next(); err != nil || p.stamp != want {
			t.Errorf("stamp %s, %v, want %s", p.stamp, err, want)
		}
	}
}

func TestSplitterEnds(t *testing.T) {
	b := file(t, 1)
	broken := errors.New("broken")
	tests := []struct {
		name  string
		r     io.Reader
		whole bool
		max   int
		want  error
		n     int // pictures before it
	}{
		{name: "nothing", r: strings.NewReader(""), want: io.EOF},
		{name: "an end in a picture", r: bytes.NewReader(b[:len(b)-10]), want: io.EOF},
		{name: "an end in a picture that is whole", r: bytes.NewReader(b[:len(b)-10]), whole: true, want: io.EOF, n: 1},
		{name: "an end in the header of a whole one", r: bytes.NewReader(b[:50]), whole: true, want: io.EOF},
		{name: "a failure", r: io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken)), want: broken, n: 1},
		{name: "something else", r: strings.NewReader(strings.Repeat("no picture\n", 10000)), want: camgate.ErrNoVideoTrack},
		{name: "something else without lines", r: strings.NewReader(strings.Repeat("no picture", 10000)), want: camgate.ErrNoVideoTrack},
		{name: "too large", r: bytes.NewReader(b), max: len(b) - 1, want: camgate.ErrUnsupportedCodec},
		{name: "just large enough", r: bytes.NewReader(b), max: len(b), want: io.EOF, n: 1},
		{name: "endless", r: io.MultiReader(bytes.NewReader(b[:len(b)-2]), zeros{}), want: camgate.ErrUnsupportedCodec},
		{name: "no marker where one should be", r: io.MultiReader(bytes.NewReader(append(bytes.Clone(b[:2]), 0xff, 0xe0, 0, 4, 1, 2, 3, 4, '\n')), bytes.NewReader(b)), want: io.EOF, n: 1},
		{name: "stuck", r: stuck{}, want: io.ErrNoProgress},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.max == 0 {
				tt.max = 1 << 20
			}
			s := splitter{r: tt.r, max: tt.max, whole: tt.whole}
			n := 0
			_, err := s.next()
			for ; err == nil; n++ {
				_, err = s.next()
			}
			if n != tt.n || !errors.Is(err, tt.want) {
				t.Errorf("%d pictures, then %v; want %d, then %v", n, err, tt.n, tt.want)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// FuzzSplitter: whatever a camera sends, what comes out are files with a beginning and
// an end, within bounds, and it comes to an end.
func FuzzSplitter(f *testing.F) {
	b := file(f, 1)
	f.Add([]byte("--x\r\nContent-Length: 3\r\n\r\n"+string(b)+"\r\n--x\r\n\r\n"+string(b)), "x", 7, true)
	f.Add(append(bytes.Clone(b[:len(b)-2]), b...), "", 1000, false)
	f.Add([]byte("\xff\xd8\xff\xda\x00\x02\xff\xff\xff\x00\xff\xd8\xff\xda\x00\x02\xff\xd9"), "--", 1, true)
	f.Add([]byte("--a\nContent-Length: 90\n\n\xff\xd8\xff\xc0\x00\x00--b\n--a\n\xff\xd8\xff"), "a", 3, true)
	f.Fuzz(func(t *testing.T, data []byte, boundary string, step int, whole bool) {
		const most = 1 << 12
		s := splitter{r: steps{bytes.NewReader(data), max(step, 1)}, max: most, delimiter: delimiterOf(boundary), whole: whole}
		total := 0
		for {
			p, err := s.next()
			if err != nil {
				return
			}
			if !bytes.HasPrefix(p.jpeg, []byte(soi)) || !bytes.HasSuffix(p.jpeg, []byte(eoi)) || len(p.jpeg) > most+len(eoi) {
				t.Fatalf("%d bytes: %.20x ...", len(p.jpeg), p.jpeg)
			}
			if total += len(p.jpeg) - len(eoi); total > len(data) {
				t.Fatalf("more comes out (%d bytes) than goes in (%d)", total, len(data))
			}
		}
	})
}

// steps reads so many bytes at a time.
type steps struct {
	r io.Reader
	n int
}

func (s steps) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), s.n)]) }
