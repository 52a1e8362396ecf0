package file

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Recordings that are not what they should be play as far as they can.
func TestOddFiles(t *testing.T) {
	at := func(offset string) []byte {
		return read(t, clip(t, "a.ts", args(x264(), aac(), []string{"-output_ts_offset", offset})...))
	}
	early, late := at("10"), at("5000")
	ts, indexed := at("0"), read(t, clip(t, "a.mp4", args(x264(), aac(), []string{"-movflags", "faststart"})...))
	fragmented := read(t, clip(t, "a.mp4", args(x264(), aac(), []string{"-movflags", "frag_keyframe+empty_moov"})...))
	damaged := bytes.Clone(ts)
	for i := len(damaged) / 3; i < len(damaged)/3+700; i++ {
		damaged[i] = byte(i)
	}
	one := []string{"-frames:v", "1", "-an", "-c:v", "libx264"}
	tests := []struct {
		name     string
		data     []byte
		pictures [2]int        // at least and at most, in a pass
		pass     time.Duration // its length, more or less
	}{
		{"two recordings in one", bytes.Join([][]byte{early, late}, nil), [2]int{148, 150}, 6 * time.Second},
		{"two recordings in one, the later one first", bytes.Join([][]byte{late, early}, nil), [2]int{148, 150}, 6 * time.Second},
		{"TS that begins within a packet", ts[100:], [2]int{50, 75}, 3 * time.Second},
		{"TS that is cut off", ts[:len(ts)/2], [2]int{20, 60}, 1500 * time.Millisecond},
		{"TS with damage", damaged, [2]int{50, 75}, 3 * time.Second},
		{"MP4 that is cut off", indexed[:len(indexed)*2/3], [2]int{30, 60}, 2 * time.Second},
		{"fragments that are cut off", fragmented[:len(fragmented)-3000], [2]int{50, 74}, 2 * time.Second},
		{"one picture in TS", read(t, clip(t, "a.ts", one...)), [2]int{1, 1}, 100 * time.Millisecond},
		{"one picture in MP4", read(t, clip(t, "a.mp4", one...)), [2]int{1, 1}, 100 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tracks, units, err := play(t, Options{Name: "odd", Data: tt.data}, tt.pass*10)
			if err != nil {
				t.Fatal(err)
			}
			if tracks[0].Codec != camgate.H264 {
				t.Fatalf("tracks %v", tracks)
			}
			n := len(units[0])
			if n < tt.pictures[0]*8 || n > tt.pictures[1]*12 {
				t.Errorf("%d pictures in ten passes", n)
			}
			for i, list := range units {
				for k, u := range list {
					if d := u.Time() - u.at; d.Abs() > 600*time.Millisecond {
						t.Fatalf("track %d, Unit %d: it is to be shown at %v and came at %v", i, k, u.Time(), u.at)
					}
					if u.Discontinuity && k > 0 {
						t.Errorf("track %d, Unit %d: discontinuity", i, k)
					}
				}
			}
			if len(units) == 2 {
				if v, a := units[0][n-1].Time(), units[1][len(units[1])-1].Time(); (v - a).Abs() > 500*time.Millisecond {
					t.Errorf("in the end picture and sound are at %v and %v", v, a)
				}
			}
		})
	}
}

// The machine was asleep: the recording goes on, and does not hurry after.
func TestSleep(t *testing.T) {
	p := player{began: time.Now().Add(-time.Hour), timer: time.NewTimer(0)}
	if err := p.await(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if late := time.Since(p.began) - time.Minute; late > time.Second {
		t.Errorf("still %v late", late)
	}
}

// surprise is a file that its reader does not survive.
type surprise struct{}

func (surprise) Read(p []byte) (int, error) {
	return copy(p, "\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"), io.EOF
}
func (surprise) Seek(at int64, _ int) (int64, error) {
	if at > 0 {
		panic("index out of range")
	}
	return 0, nil
}

func TestSurprise(t *testing.T) {
	if _, err := open(surprise{}); !errors.Is(err, camgate.ErrUnsupportedCodec) || !strings.Contains(err.Error(), "broken") {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"a.ts", nil}, {"a.mp4", nil}, {"a.mp4", []string{"-movflags", "frag_keyframe+empty_moov"}},
		{"a.mp4", []string{"-movflags", "faststart"}},
	} {
		file := clip(f, c.name, append([]string{"-t", "0.1", "-s", "32x32", "-c:v", "libx264", "-bf", "2", "-x264-params", "log-level=none", "-bsf:v", "filter_units=remove_types=6", "-c:a", "aac"}, c.args...)...)
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := open(bytes.NewReader(b))
		if err != nil {
			return
		}
		for range 2 {
			for range 1000 {
				s, err := rec.next()
				if err != nil {
					break
				}
				if s.track < 0 || s.track >= len(rec.tracks()) {
					t.Fatalf("track %d of %d", s.track, len(rec.tracks()))
				}
			}
			if err := rec.rewind(); err != nil {
				break
			}
		}
	})
}

func FuzzEdits(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x28moov\x00\x00\x00\x20trak\x00\x00\x00\x18edts\x00\x00\x00\x10elst\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Add([]byte("\x00\x00\x00\x01moov\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		edits, err := readEdits(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, e := range edits {
			_ = e.shift(90000)
		}
	})
}
