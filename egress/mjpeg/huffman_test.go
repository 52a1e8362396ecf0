package mjpeg

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// testJPEG makes a JPEG with the standard Huffman tables, as image/jpeg writes it.
func testJPEG(t testing.TB, width, height int, gray uint8) []byte {
	t.Helper()
	pic := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range pic.Pix {
		pic.Pix[i] = gray + uint8(i%7)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, pic, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutTables takes the Huffman tables away.
func withoutTables(t testing.TB, b []byte) []byte {
	t.Helper()
	i := bytes.Index(b, []byte{0xff, 0xc4})
	if i < 0 {
		t.Fatal("no tables")
	}
	end := i + 2 + int(binary.BigEndian.Uint16(b[i+2:]))
	return append(bytes.Clone(b[:i]), b[end:]...)
}

func complete(b []byte) []byte {
	list, _ := pieces(b)
	return bytes.Join(list[:], nil)
}

func TestHuffman(t *testing.T) {
	whole := testJPEG(t, 64, 48, 100)
	bare := withoutTables(t, whole)
	if _, err := jpeg.Decode(bytes.NewReader(bare)); err == nil {
		t.Fatal("a file without tables can be decoded")
	}
	filled := append([]byte{0xff, 0xd8, 0xff}, bare[2:]...) // a fill byte
	for _, tt := range []struct {
		name     string
		in, want []byte
	}{
		{"tables missing", bare, whole},
		{"tables there", whole, whole},
		{"fill bytes", filled, append([]byte{0xff, 0xd8, 0xff}, whole[2:]...)},
		{"empty", nil, nil},
		{"no JPEG", []byte("hello there"), []byte("hello there")},
		{"cut", bare[:100], bare[:100]},
		{"no scan", []byte{0xff, 0xd8, 0xff, 0xd9}, []byte{0xff, 0xd8, 0xff, 0xd9}},
		{"segment too long", []byte{0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0}, []byte{0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0}},
		{"segment too short", []byte{0xff, 0xd8, 0xff, 0xe0, 0, 1, 0xff, 0xda}, []byte{0xff, 0xd8, 0xff, 0xe0, 0, 1, 0xff, 0xda}},
	} {
		list, size := pieces(tt.in)
		got := bytes.Join(list[:], nil)
		if !bytes.Equal(got, tt.want) {
			t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
		}
		if size != len(got) {
			t.Errorf("%s: size %d of %d bytes", tt.name, size, len(got))
		}
	}
	pic, err := jpeg.Decode(bytes.NewReader(complete(bare)))
	if err != nil {
		t.Fatal(err)
	}
	if r, _, _, _ := pic.At(1, 1).RGBA(); r>>8 < 90 || r>>8 > 120 {
		t.Errorf("decoded to %v", color.RGBAModel.Convert(pic.At(1, 1)))
	}
	allocs := testing.AllocsPerRun(100, func() { _, _ = pieces(bare) })
	if allocs != 0 {
		t.Errorf("%v allocations for each picture and viewer", allocs)
	}
}

func FuzzHuffman(f *testing.F) {
	whole := testJPEG(f, 16, 16, 50)
	f.Add(whole)
	f.Add(withoutTables(f, whole))
	f.Add([]byte{0xff, 0xd8, 0xff, 0xff, 0xff, 0xda})
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		got := complete(b)
		if !bytes.Equal(b, before) {
			t.Fatal("the Unit was written to")
		}
		if len(got) == len(b) {
			if !bytes.Equal(got, b) {
				t.Fatal("changed without need")
			}
			return
		}
		if !bytes.Equal(complete(got), got) {
			t.Fatal("tables were put in twice")
		}
		if _, err := jpeg.DecodeConfig(bytes.NewReader(b)); err == nil {
			if _, err := jpeg.DecodeConfig(bytes.NewReader(got)); err != nil {
				t.Fatalf("spoilt: %v", err)
			}
		}
	})
}
