package mjpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/camgate/camgate"
)

// chunk is a part of an SMJPEG stream.
func chunk(kind string, numbers ...uint32) []byte {
	b := []byte(kind)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func join(list ...[]byte) []byte { return bytes.Join(list, nil) }

var (
	smjpegMagic  = chunk("\x00\nSMJPEG", 0, 1000)
	smjpegHeader = join(smjpegMagic, chunk("_TXT", 3), []byte("abc"), chunk("_VID", 12), make([]byte, 12), []byte("HEND"))
)

func TestSMJPEG(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want string // pictures and their times
		err  error
	}{
		{"nothing", nil, "", io.EOF},
		{"header only", smjpegHeader, "", io.EOF},
		{"two pictures", join(smjpegHeader, chunk("vidD", 40, 3), []byte("one"), chunk("vidD", 80, 3), []byte("two"), []byte("DONE")), "one40 two80", io.EOF},
		{"cut after a picture", join(smjpegHeader, chunk("vidD", 40, 3), []byte("one")), "one40", io.EOF},
		{"sound between", join(smjpegHeader, chunk("sndD", 1, 2), []byte("xx"), chunk("vidD", 40, 3), []byte("one")), "one40", io.EOF},
		{"cut in a picture", join(smjpegHeader, chunk("vidD", 40, 3), []byte("on")), "", io.ErrUnexpectedEOF},
		{"cut in a size", join(smjpegHeader, chunk("vidD", 40)), "", io.ErrUnexpectedEOF},
		{"cut in the header", smjpegHeader[:30], "", io.ErrUnexpectedEOF},
		{"too big", join(smjpegHeader, chunk("vidD", 40, maxPicture+1)), "", errNotSMJPEG},
		{"something else", []byte("\xff\xd8\xff\xe0 this is a JPEG"), "", errNotSMJPEG},
		{"unknown chunk", join(smjpegHeader, chunk("what", 0, 0)), "", errNotSMJPEG},
		{"endless header", join(smjpegMagic, bytes.Repeat(join(chunk("_TXT", 1000), make([]byte, 1000)), 100)), "", errNotSMJPEG},
		{"huge header chunk", join(smjpegMagic, chunk("_TXT", 1<<31)), "", errNotSMJPEG},
	} {
		for _, r := range []io.Reader{bytes.NewReader(tt.in), iotest.OneByteReader(bytes.NewReader(tt.in))} {
			var got []string
			s := newSMJPEG(r)
			picture, at, err := s.next()
			for ; err == nil; picture, at, err = s.next() {
				got = append(got, string(picture)+itoa(at))
			}
			if g := strings.Join(got, " "); g != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%s: %q, %v; want %q, %v", tt.name, g, err, tt.want, tt.err)
			}
		}
	}
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func FuzzSMJPEG(f *testing.F) {
	f.Add(smjpegHeader)
	f.Add(join(smjpegHeader, chunk("vidD", 40, 3), []byte("one"), []byte("DONE")))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newSMJPEG(bytes.NewReader(b))
		total := 0
		for {
			picture, _, err := s.next()
			if err != nil {
				return
			}
			if total += len(picture) + 12; total > len(b) {
				t.Fatal("more comes out than went in")
			}
		}
	})
}

// FuzzMatroska reads what is written back: sizes must fit together whatever the
// access unit holds.
func FuzzMatroska(f *testing.F) {
	f.Add([]byte("one"), []byte("two"), uint64(40), true)
	f.Add([]byte{}, bytes.Repeat([]byte{0}, 1000), uint64(1)<<40, false)
	f.Fuzz(func(t *testing.T, a, b []byte, at uint64, key bool) {
		var out bytes.Buffer
		m := matroska{w: &out}
		track := camgate.NewTrack(camgate.TrackOptions{Codec: camgate.H265, Params: &camgate.Params{Width: 640, Height: 360}})
		if err := m.header(track); err != nil {
			t.Fatal(err)
		}
		header := out.Len()
		for range 2 {
			if err := m.picture(&camgate.Unit{AU: [][]byte{a, b}, RandomAccess: key}, at); err != nil {
				t.Fatal(err)
			}
		}
		if segment := bytes.Index(out.Bytes(), []byte{0x18, 0x53, 0x80, 0x67}); segment < 0 || segment > header {
			t.Fatal("no segment")
		}
		rest := out.Bytes()[header:]
		for range 2 {
			cluster := take(t, &rest, 4, idCluster)
			if got := binary.BigEndian.Uint64(take(t, &cluster, 1, idTimestamp)); got != at {
				t.Errorf("time %d, want %d", got, at)
			}
			block := take(t, &cluster, 1, idSimpleBlock)
			flags := byte(0)
			if key {
				flags = 0x80
			}
			start := []byte{0, 0, 0, 1}
			if want := join([]byte{0x81, 0, 0, flags}, start, a, start, b); !bytes.Equal(block, want) {
				t.Errorf("block %x, want %x", block, want)
			}
			if len(cluster) != 0 {
				t.Errorf("%d bytes too many in the cluster", len(cluster))
			}
		}
		if len(rest) != 0 {
			t.Errorf("%d bytes too many", len(rest))
		}
	})
}

// take cuts the element with the given ID from the front of b and returns its content.
func take(t *testing.T, b *[]byte, idLen int, want uint32) []byte {
	t.Helper()
	var got uint32
	for _, c := range (*b)[:idLen] {
		got = got<<8 | uint32(c)
	}
	if got != want {
		t.Fatalf("element %x, want %x", got, want)
	}
	size := binary.BigEndian.Uint64((*b)[idLen:]) &^ (0xff << 56)
	start := idLen + sizeBytes
	content := (*b)[start : start+int(size)]
	*b = (*b)[start+int(size):]
	return content
}
