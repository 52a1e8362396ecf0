package frameno_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"os/exec"
	"testing"

	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/internal/frameno"
)

// TestReadClip reads every picture of the real clip in many sizes, straight
// from the decoder and after a strong JPEG compression.
func TestReadClip(t *testing.T) {
	if demo.Frames != frameno.Count {
		t.Fatalf("clip has %d pictures, numbers end at %d", demo.Frames, frameno.Count)
	}
	for _, size := range []image.Point{
		{1280, 720}, {854, 480}, {640, 360}, {640, 480}, {320, 180}, {321, 177}, {160, 90},
	} {
		t.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(t *testing.T) {
			t.Parallel()
			count := decode(t, size.X, size.Y, func(want int, pic image.Image) {
				expect(t, fmt.Sprintf("picture %d", want), pic, want)
				if want%10 == 3 {
					expect(t, fmt.Sprintf("JPEG of picture %d", want), viaJPEG(t, pic, 25), want)
				}
			})
			if count != demo.Frames {
				t.Errorf("%d pictures, want %d", count, demo.Frames)
			}
		})
	}
}

// TestReadEveryNumber has nothing to do with the clip: all numbers, also in a
// picture whose bounds do not start at 0,0 and with weak levels.
func TestReadEveryNumber(t *testing.T) {
	plain := image.NewGray(image.Rect(0, 0, 640, 360))
	moved := image.NewGray(image.Rect(0, 0, 640, 360).Add(image.Pt(-70, 33)))
	for n := range frameno.Count {
		for _, c := range []struct {
			name         string
			pic          *image.Gray
			black, white uint8
		}{
			{"plain", plain, 0, 255},
			{"moved", moved, 0, 255},
			{"limited range", plain, 16, 235},
			{"dull", plain, 60, 180},
		} {
			fill(c.pic, frameno.Layout(n), c.black, c.white)
			expect(t, fmt.Sprintf("%s %d", c.name, n), c.pic, n)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	good := frameno.Layout(77)
	inverted := good
	for i := range inverted {
		inverted[i] = !inverted[i]
	}
	small := image.NewGray(image.Rect(0, 0, frameno.MinWidth-1, 90))
	fill(small, good, 0, 255)
	tooFlat := image.NewGray(image.Rect(0, 0, 1280, 20))
	for name, pic := range map[string]image.Image{
		"nil":          nil,
		"empty":        image.NewGray(image.Rectangle{}),
		"small":        small,
		"too flat":     tooFlat,
		"black":        image.NewGray(image.Rect(0, 0, 1280, 720)),
		"white":        paint(good, 255, 255),
		"inverted":     paint(inverted, 0, 255),
		"no contrast":  paint(good, 100, 160),
		"number > 199": paint(row("10"+"11001000"+"0100"+"01"), 0, 255),
		"blended":      blend(paint(good, 0, 255), paint(frameno.Layout(78), 0, 255)),
	} {
		if n, ok := frameno.Read(pic); ok {
			t.Errorf("%s: read as %d", name, n)
		}
	}
}

// TestReadFindsWrongBlocks turns any one and any two blocks of any number
// over: never may a wrong number come out.
func TestReadFindsWrongBlocks(t *testing.T) {
	small := image.NewGray(image.Rect(0, 0, 160, 90))
	for n := range frameno.Count {
		fill(small, frameno.Layout(n), 0, 255)
		expect(t, "unchanged", small, n)
		for i := range frameno.Blocks {
			for j := i; j < frameno.Blocks; j++ {
				row := frameno.Layout(n)
				row[i] = !row[i]
				if j != i {
					row[j] = !row[j]
				}
				fill(small, row, 0, 255)
				if got, ok := frameno.Read(small); ok {
					t.Fatalf("%d with blocks %d and %d wrong: read as %d", n, i, j, got)
				}
			}
		}
	}
}

// TestLayout pins the format, so that the clip and other readers stay valid.
func TestLayout(t *testing.T) {
	for n, want := range map[int]string{
		0:   "10" + "00000000" + "0110" + "01",
		1:   "10" + "00000001" + "0101" + "01",
		110: "10" + "01101110" + "1010" + "01",
		199: "10" + "11000111" + "0110" + "01",
	} {
		if got := frameno.Layout(n); got != row(want) {
			t.Errorf("%d: %v, want %s", n, got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("number 200 did not panic")
		}
	}()
	frameno.Layout(200)
}

// row reads a row of blocks from a string of zeros and ones.
func row(s string) (r [frameno.Blocks]bool) {
	for i := range r {
		r[i] = s[i] == '1'
	}
	return r
}

func expect(t *testing.T, what string, pic image.Image, want int) {
	t.Helper()
	if got, ok := frameno.Read(pic); !ok || got != want {
		t.Errorf("%s: got %d, %v, want %d", what, got, ok, want)
	}
}

// paint makes a picture with the row on a medium gray.
func paint(row [frameno.Blocks]bool, black, white uint8) *image.Gray {
	pic := image.NewGray(image.Rect(0, 0, frameno.RefWidth, frameno.RefHeight))
	draw.Draw(pic, pic.Bounds(), image.NewUniform(color.Gray{Y: 128}), image.Point{}, draw.Src)
	fill(pic, row, black, white)
	return pic
}

// fill paints the row only, scaled to the picture.
func fill(pic *image.Gray, row [frameno.Blocks]bool, black, white uint8) {
	b := pic.Bounds()
	for i, on := range row {
		x := frameno.RowX + i*frameno.BlockWidth
		block := image.Rect(
			x*b.Dx()/frameno.RefWidth, frameno.RowY*b.Dy()/frameno.RefHeight,
			(x+frameno.BlockWidth)*b.Dx()/frameno.RefWidth,
			(frameno.RowY+frameno.BlockHeight)*b.Dy()/frameno.RefHeight).Add(b.Min)
		level := black
		if on {
			level = white
		}
		draw.Draw(pic, block, image.NewUniform(color.Gray{Y: level}), image.Point{}, draw.Src)
	}
}

// blend is what a frame rate converter makes of two pictures.
func blend(a, b *image.Gray) *image.Gray {
	out := image.NewGray(a.Bounds())
	for i := range out.Pix {
		out.Pix[i] = uint8((int(a.Pix[i]) + int(b.Pix[i])) / 2)
	}
	return out
}

func viaJPEG(t *testing.T, pic image.Image, quality int) image.Image {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, pic, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	out, err := jpeg.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decode calls f with each of the clip's pictures, scaled to w x h, in colour,
// and returns how many there were. One picture at a time: all of them together
// would need more than a gigabyte.
func decode(t *testing.T, w, h int, f func(n int, pic image.Image)) (count int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", "-",
		"-vf", fmt.Sprintf("scale=%d:%d", w, h), "-f", "rawvideo", "-pix_fmt", "rgba", "-")
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(demo.Clip()), &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pic := image.NewRGBA(image.Rect(0, 0, w, h))
	for {
		if _, err := io.ReadFull(out, pic.Pix); err != nil {
			break
		}
		f(count, pic)
		count++
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, errs.String())
	}
	return count
}
