package camera

import (
	"bytes"
	"testing"
)

func FuzzAnnexB(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x67a\x00\x00\x01\x68b\x00\x00\x00\x01\x65c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		size := 0
		for _, n := range splitAnnexB(b) {
			if len(n) == 0 || bytes.Contains(n, []byte{0, 0, 1}) {
				t.Errorf("%x: %x", b, n)
			}
			size += len(n)
		}
		if size > len(b) {
			t.Errorf("%d bytes of %d", size, len(b))
		}
	})
}

func TestAnnexB(t *testing.T) {
	got := splitAnnexB([]byte("xx\x00\x00\x00\x01ga\x00\x00\x01hb\x00\x00\x00\x00\x01e\x00\x00\x03\x01\x00\x00"))
	want := []string{"ga", "hb", "e\x00\x00\x03\x01"}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if string(got[i]) != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if splitAnnexB([]byte("abc")) != nil {
		t.Error("NAL units without a start code")
	}
}
