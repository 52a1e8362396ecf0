package sound

import (
	"errors"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func FuzzWrite(f *testing.F) {
	_, config := aacLC(f, beep(48000, 100*time.Millisecond), 48000)
	tracks := []*camgate.Track{
		track(camgate.AAC, 48000, 1, config), track(camgate.G722, 8000, 1, nil),
		track(camgate.PCMU, 8000, 2, nil), track(camgate.LPCM, 44100, 2, nil),
	}
	f.Add(byte(0), []byte{1, 2, 3}, int64(0))
	f.Add(byte(1), []byte{0xfc, 0xff, 0xfe}, int64(time.Second))
	f.Fuzz(func(t *testing.T, which byte, au []byte, step int64) {
		tr, err := New(tracks[int(which)%len(tracks)], Settings{Codec: camgate.Opus})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		at := start
		for range 4 {
			if err := tr.Write(at, [][]byte{au}, false, func(time.Duration, []byte) error { return nil }); err != nil && !errors.Is(err, camgate.ErrUnsupportedCodec) {
				t.Fatal(err)
			}
			at += time.Duration(step % int64(4*time.Second))
		}
	})
}

func FuzzAACConfig(f *testing.F) {
	f.Add([]byte{0x12, 0x10}, []byte{1, 2, 3})
	f.Fuzz(func(_ *testing.T, config, au []byte) {
		d, err := newAAC(config)
		if err != nil {
			return
		}
		var p planes
		p.reset(d.channels())
		_ = d.decode(&p, au)
	})
}

func FuzzMPEG(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xfb, 0x90, 0x64, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &mpeg{}
		for range 2 {
			for _, frame := range m.strip([][]byte{b}) {
				if n := mpegFrame(frame); n == 0 || n > len(frame) {
					t.Fatalf("%d bytes of %d", n, len(frame))
				}
			}
		}
		stripAC3([][]byte{b})
	})
}
