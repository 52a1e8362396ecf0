package matroska

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/camgate/camgate"
)

func TestNewWriterRefuses(t *testing.T) {
	if _, err := NewWriter(io.Discard, Format{Codec: camgate.Raw, Pixels: "yuv444p16"}); !errors.Is(err, camgate.ErrUnsupportedCodec) {
		t.Errorf("error %v", err)
	}
}

// FuzzWriter reads what is written back: sizes must fit together whatever the
// access unit holds.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("one"), []byte("two"), uint64(40), true, true)
	f.Add(make([]byte, 70<<10), []byte("two"), uint64(40), true, true)
	f.Add([]byte{}, bytes.Repeat([]byte{0}, 1000), uint64(1)<<40, false, false)
	f.Fuzz(func(t *testing.T, a, b []byte, at uint64, key, raw bool) {
		codec := camgate.H265
		if raw {
			codec = camgate.Raw
		}
		var out bytes.Buffer
		m, err := NewWriter(&out, Format{Codec: codec, Width: 640, Height: 360, Pixels: "nv12", FPS: 30})
		if err != nil {
			t.Fatal(err)
		}
		header := out.Len()
		for range 2 {
			if err := m.Picture([][]byte{a, b}, key, at); err != nil {
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
			if codec != camgate.H265 {
				start = nil
			}
			if want := slices.Concat([]byte{0x81, 0, 0, flags}, start, a, start, b); !bytes.Equal(block, want) {
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
