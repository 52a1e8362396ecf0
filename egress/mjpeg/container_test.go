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
