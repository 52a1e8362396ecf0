package camera

import (
	"bytes"
	"slices"
	"testing"

	"github.com/camgate/camgate/ingest"
)

func segment(marker byte, n int) []byte {
	return append([]byte{0xff, marker, byte((n + 2) >> 8), byte(n + 2)}, make([]byte, n)...)
}

// jpegFile is one as cameras write them.
func jpegFile(tables bool, scan string) []byte {
	b := append([]byte{0xff, 0xd8}, segment(0xdb, 65)...)
	b = append(b, segment(0xc0, 15)...)
	if tables {
		b = append(b, ingest.HuffmanSegment()...)
	}
	b = append(b, segment(0xda, 10)...)
	return append(b, scan...)
}

func TestJPEG(t *testing.T) {
	const scan = "abc\xff\x00d\xff\xd1e"
	plain := jpegFile(true, scan+"\xff\xd9")
	for _, tt := range []struct {
		name     string
		in, want []byte
	}{
		{"as it is", plain, plain},
		{"filled up", append(slices.Clone(plain), make([]byte, 500)...), plain},
		{"with something behind it", append(slices.Clone(plain), "\xff\xd8\xffjunk"...), plain},
		{"without tables", jpegFile(false, scan+"\xff\xd9"), plain},
		{"cut off", jpegFile(true, scan), nil},
		{"two in one", jpegFile(true, "abc"+string(plain)), nil},
		{"no picture", []byte("\xff\xd8\xff\xd9"), nil},
		{"nothing in the scan", jpegFile(true, "\xff\xd9"), nil},
		{"something else", []byte("hello, world"), nil},
		{"empty", nil, nil},
		{"a segment that is too long", plain[:40], nil},
	} {
		if got := newJPEGs().take(tt.in); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
		}
	}
	// A camera that never writes the end is taken at its word.
	j := newJPEGs()
	for i := range tellsNoEnd + 1 {
		got := j.take(append(jpegFile(false, scan), 0, 0, 0))
		if (got != nil) != (i >= tellsNoEnd-1) || got != nil && !bytes.Equal(got, plain) {
			t.Errorf("picture %d: %x", i, got)
		}
	}
}

func FuzzJPEG(f *testing.F) {
	f.Add(jpegFile(true, "abc\xff\xd9"))
	f.Add(jpegFile(false, "abc\xff\x00\xff\xd0\xff\xd9\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		j := newJPEGs()
		out := j.take(b)
		if out == nil {
			return
		}
		again := newJPEGs().take(out)
		if !bytes.Equal(out, again) {
			t.Errorf("%x becomes %x, and that %x", b, out, again)
		}
	})
}
