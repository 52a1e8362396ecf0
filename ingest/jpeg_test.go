package ingest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run makes a file with a program; the arguments say FILE for its name.
func run(t testing.TB, ext string, name string, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "out."+ext)
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "FILE", file)
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ffmpegJPEG(t testing.TB, size, pixels string, args ...string) []byte {
	t.Helper()
	return run(t, "jpg", "ffmpeg", append(append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=" + size,
		"-frames:v", "1", "-pix_fmt", pixels, "-strict", "-1"}, args...), "FILE")...)
}

func gstJPEG(t testing.TB, width, height int, pixels string) []byte {
	t.Helper()
	return run(t, "jpg", "gst-launch-1.0", "-q", "videotestsrc", "num-buffers=1", "!",
		fmt.Sprintf("video/x-raw,format=%s,width=%d,height=%d", pixels, width, height), "!", "jpegenc", "!", "filesink", "location=FILE")
}

// goJPEG makes a picture with as much detail as the quality keeps, in 4:2:0.
func goJPEG(t testing.TB, width, height, quality int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(width), uint64(height)))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(x), uint8(y), uint8(r.IntN(256)), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// restarts gives a JPEG of 4:2:0 a restart interval that is as long as the scan:
// it is there and changes nothing else.
func restarts(t testing.TB, file []byte) []byte {
	t.Helper()
	sos := bytes.Index(file, []byte{0xff, 0xda})
	return bytes.Join([][]byte{file[:sos], {0xff, 0xdd, 0, 4, 0xff, 0xff}, file[sos:]}, nil)
}

// samePicture compares what two files decode to, in the bounds of the first one.
func samePicture(t testing.TB, a, b []byte) {
	t.Helper()
	var img [2]*image.YCbCr
	for i, file := range [][]byte{a, b} {
		m, err := jpeg.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		img[i] = m.(*image.YCbCr)
	}
	bounds := img[0].Bounds()
	if !bounds.In(img[1].Bounds()) || img[1].Bounds().Dx() > bounds.Dx()+7 || img[1].Bounds().Dy() > bounds.Dy()+7 {
		t.Fatalf("%v became %v", bounds, img[1].Bounds())
	}
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			if want, got := img[0].YCbCrAt(x, y), img[1].YCbCrAt(x, y); want != got {
				t.Fatalf("pixel %d,%d is %v, want %v", x, y, got, want)
			}
		}
	}
}

// withoutSegments removes all segments with that marker.
func withoutSegments(t testing.TB, file []byte, marker byte) []byte {
	t.Helper()
	out := bytes.Clone(file[:2])
	for b := file[2:]; ; {
		if b[1] == 0xda {
			return append(out, b...)
		}
		n := 2 + int(b[2])<<8 + int(b[3])
		if b[1] != marker {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
}

// replaced changes the first occurrence of a byte sequence.
func replaced(t testing.TB, file []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(file, []byte(from)) {
		t.Fatalf("%x is not in the file", from)
	}
	return bytes.Replace(file, []byte(from), []byte(to), 1)
}
