package pipe

import (
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// The NAL units of tests, by letters: parameter sets V S P, delimiter D, supplemental
// information E, first slice I and another slice i of a key picture, N and n of another
// one, filler F, end of the sequence X.
var nalus = map[camgate.Codec]map[rune]string{
	camgate.H264: {
		'S': "\x67\x42\x00\x0a", 'P': "\x68\xce\x3c", 'D': "\x09\xf0", 'E': "\x06\x05\x01", 'F': "\x0c\xff",
		'I': "\x65\x88\x84\x11", 'i': "\x65\x08\x84\x12", 'N': "\x41\x9a\x24\x13", 'n': "\x41\x1a\x24\x14", 'X': "\x0a",
	},
	camgate.H265: {
		'V': "\x40\x01\x0c", 'S': "\x42\x01\x01", 'P': "\x44\x01\xc0", 'D': "\x46\x01\x50", 'E': "\x4e\x01\x05", 'F': "\x4c\x01\xff",
		'I': "\x26\x01\xaf\x11", 'i': "\x26\x01\x2f\x12", 'N': "\x02\x01\xd0\x13", 'n': "\x02\x01\x50\x14", 'X': "\x48\x01",
	},
}

// stream writes NAL units as a byte stream; a dot before a letter makes the longer
// start code, a zero behind one makes trailing zeros.
func stream(c camgate.Codec, letters string) []byte {
	var b []byte
	for _, l := range letters {
		switch l {
		case '.', '0':
			b = append(b, 0)
		default:
			b = append(append(b, startCode...), nalus[c][l]...)
		}
	}
	return b
}

func letters(c camgate.Codec, au [][]byte) string {
	var out strings.Builder
	for _, nalu := range au {
		found := '?'
		for l, text := range nalus[c] {
			if text == string(nalu) {
				found = l
			}
		}
		out.WriteRune(found)
	}
	return out.String()
}

// split feeds input in pieces of the given size and returns what comes of it; a piece
// of nothing is silence.
func split(t testing.TB, s splitter, w *window, pieces ...[]byte) (units []unit, err error) {
	t.Helper()
	for _, piece := range pieces {
		if len(piece) == 0 && s.pending() {
			units = append(units, s.flush())
		}
		for len(piece) > 0 {
			n := copy(w.space(), piece)
			w.add(n, time.Now())
			piece = piece[n:]
			for {
				u, err := s.next()
				if err != nil {
					return units, err
				}
				if u.au == nil {
					break
				}
				units = append(units, u)
			}
		}
	}
	return units, nil
}

// inPieces cuts b into pieces of n bytes.
func inPieces(b []byte, n int) (out [][]byte) {
	for ; len(b) > n; b = b[n:] {
		out = append(out, b[:n])
	}
	return append(out, b)
}

func TestAccessUnits(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		codec          camgate.Codec
	}{
		{"single slices", ".S.P.I.N.N", "SPI N N", camgate.H264},
		{"short start codes", "SPINN", "SPI N N", camgate.H264},
		{"several slices", ".S.PIiiNnnNn", "SPIii Nnn Nn", camgate.H264},
		{"delimiters", ".D.S.PI.DN.DN", "DSPI DN DN", camgate.H264},
		{"information in front", "SPEINEN", "SPEI N EN", camgate.H264},
		{"filler behind", "SPIFFNF", "SPIFF NF", camgate.H264},
		{"trailing zeros", "SPI000.N00N", "SPI N N", camgate.H264},
		{"end of the sequence", "SPINXSPIN", "SPI NX SPI N", camgate.H264},
		{"sets before each", "SPIPNSPI", "SPI PN SPI", camgate.H264},
		{"sets alone", "SPSPI", "SPSPI", camgate.H264},
		{"begins in a picture", "nnNIN", "nn N I N", camgate.H264},
		{"H265", ".V.S.P.I.N.N", "VSPI N N", camgate.H265},
		{"H265, several slices", "VSPIiiNnn", "VSPIii Nnn", camgate.H265},
		{"H265, delimiters", "DVSPIDNDN", "DVSPI DN DN", camgate.H265},
		{"H265, information", "VSPEINEN", "VSPEI N EN", camgate.H265},
		{"H265, filler and end", "VSPIFNXVSPI", "VSPIF NX VSPI", camgate.H265},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := stream(tt.codec, tt.in)
			for size := range len(in) {
				w := &window{}
				s := &h26x{window: w, codec: tt.codec}
				pieces := inPieces(in, size+1)
				units, err := split(t, s, w, append(pieces, nil)...)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, u := range units {
					got = append(got, letters(tt.codec, u.au))
				}
				if got := strings.Join(got, " "); got != tt.want {
					t.Errorf("in pieces of %d: %q, want %q", size+1, got, tt.want)
				}
			}
		})
	}
}

func TestSilence(t *testing.T) {
	c := camgate.H264
	in := func(s string) []byte { return stream(c, s) }
	bytesOf := func(s string, from, to int) []byte { return in(s)[from:to] }
	for _, tt := range []struct {
		name    string
		pieces  [][]byte
		want    string // ! before a unit before which something is missing
		hasty   int
		pending bool
	}{
		{name: "after each picture", pieces: [][]byte{in("SPI"), nil, in("N"), nil, in("N"), nil}, want: "SPI N N"},
		{name: "after the sets", pieces: [][]byte{in("SP"), nil, in("I"), nil}, want: "SPI"},
		{name: "after zeros", pieces: [][]byte{in("SPI00"), nil, in("0N"), nil}, want: "SPI N"},
		{name: "twice", pieces: [][]byte{in("SPI"), nil, nil, in("N"), nil}, want: "SPI N"},
		{name: "in a start code", pieces: [][]byte{in("SPI00"), nil, {1, 0x41, 0x9a, 0x24, 0x13}, nil}, want: "SPI N"},
		{name: "within a slice", pieces: [][]byte{in("SP"), bytesOf("I", 0, 6), nil, bytesOf("I", 6, 7), in("NN")}, want: "SP? !N", hasty: 1, pending: true},
		{name: "between slices", pieces: [][]byte{in("SPI"), nil, in("iN")}, want: "SPI !i", hasty: 1, pending: true},
		{name: "in a header", pieces: [][]byte{in("SPI\n"), bytesOf("N", 0, 4), nil, bytesOf("N", 4, 7), nil}, want: "SPI N"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &window{}
			s := &h26x{window: w, codec: c}
			units, err := split(t, s, w, tt.pieces...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range units {
				if text := letters(c, u.au); u.damaged {
					got = append(got, "!"+text)
				} else {
					got = append(got, text)
				}
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if s.hasty != tt.hasty || s.pending() != tt.pending {
				t.Errorf("hasty %d times, want %d; pending %t, want %t", s.hasty, tt.hasty, s.pending(), tt.pending)
			}
		})
	}
}

var (
	x264  = []string{"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-f", "h264"}
	x265  = []string{"-c:v", "libx265", "-x265-params", "keyint=10:bframes=0:log-level=error", "-preset", "ultrafast", "-f", "hevc"}
	mjpeg = []string{"-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "mjpeg"}
)

func BenchmarkSplit(b *testing.B) {
	in := made(b, x264...)
	w := &window{}
	s := &h26x{window: w, codec: camgate.H264}
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := split(b, s, w, in); err != nil {
			b.Fatal(err)
		}
	}
}
