package sound

import (
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// BenchmarkSecond is the cost of a second of sound.
func BenchmarkSecond(b *testing.B) {
	rich := func(rate string) []float32 { return floats(speech(b, rate, "4")) }
	aac48, config48 := aacLC(b, rich("48000"), 48000)
	aac44, config44 := aacLC(b, rich("44100"), 44100)
	tests := []struct {
		name string
		from *camgate.Track
		in   []unit
	}{
		{"PCMA", track(camgate.PCMA, 8000, 1, nil), pcma(rich("8000"), 8000)},
		{"G722", track(camgate.G722, 8000, 1, nil), inG722(b, rich("16000"))},
		{"L16 48k", track(camgate.LPCM, 48000, 1, nil), l16(rich("48000"), 48000)},
		{"AAC 48k", track(camgate.AAC, 48000, 1, config48), aac48},
		{"AAC 44k", track(camgate.AAC, 44100, 1, config44), aac44},
	}
	for _, test := range tests {
		for _, to := range []camgate.Codec{camgate.Opus, camgate.AAC} {
			b.Run(test.name+" to "+string(to), func(b *testing.B) {
				tr, err := New(test.from, Settings{Codec: to})
				if err != nil {
					b.Fatal(err)
				}
				defer tr.Close()
				// The same again and again, a second an operation.
				each := test.in[1].at - test.in[0].at
				at, i, au := start, 0, make([][]byte, 1)
				b.ReportAllocs()
				for b.Loop() {
					for end := at + time.Second; at < end; at += each {
						au[0] = test.in[i%len(test.in)].au
						i++
						if err := tr.Write(at, au, false, func(time.Duration, []byte) error { return nil }); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
