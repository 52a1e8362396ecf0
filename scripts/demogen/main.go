// Command demogen makes the raw material of the demo clip. It is run by
// scripts/make-demo.sh, which says what is done with the output.
//
//	demogen video            raw RGB24 pictures to stdout, without the texts
//	demogen audio SECONDS    raw mono 16-bit little-endian samples to stdout
//	demogen cut FIRST COUNT  ADTS from stdin to stdout, only these frames
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
)

const (
	width, height  = 1280, 720
	fps, frames    = 25, 200
	sampleRate     = 48000
	beepHz         = 1000
	beepSamples    = sampleRate * 80 / 1000 // as long as two pictures
	beepRamp       = 24                     // 0.5 ms: no click, still a sharp start
	beepAmplitude  = 8000                   // -12 dBFS: heard, but does not startle
	flashFrames    = 2
	adtsHeaderSize = 7
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demogen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	var err error
	switch {
	case len(args) == 1 && args[0] == "video":
		err = video(out)
	case len(args) == 2 && args[0] == "audio":
		var seconds int
		if seconds, err = strconv.Atoi(args[1]); err == nil {
			err = audio(out, seconds)
		}
	case len(args) == 3 && args[0] == "cut":
		var first, count int
		if first, err = strconv.Atoi(args[1]); err != nil {
			return err
		}
		if count, err = strconv.Atoi(args[2]); err == nil {
			err = cut(out, bufio.NewReader(os.Stdin), first, count)
		}
	default:
		err = errors.New("usage: demogen video | audio SECONDS | cut FIRST COUNT")
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func video(out io.Writer) error {
	s := newScene()
	for n := range frames {
		if _, err := out.Write(s.draw(n)); err != nil {
			return err
		}
	}
	return nil
}

// audio writes one beep at the start of each second and silence after it. Each
// second is the same, so the sound has no seam wherever it is cut by seconds.
func audio(out io.Writer, seconds int) error {
	one := make([]int16, sampleRate)
	for i := range beepSamples {
		gain := min(1, float64(i)/beepRamp, float64(beepSamples-i)/beepRamp)
		one[i] = int16(math.Round(beepAmplitude * gain *
			math.Sin(2*math.Pi*beepHz*float64(i)/sampleRate)))
	}
	for range seconds {
		if err := binary.Write(out, binary.LittleEndian, one); err != nil {
			return err
		}
	}
	return nil
}

// cut copies count ADTS frames, leaving out the first ones.
func cut(out io.Writer, in io.Reader, first, count int) error {
	for i := range first + count {
		head := make([]byte, adtsHeaderSize)
		if _, err := io.ReadFull(in, head); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
		if head[0] != 0xFF || head[1]&0xF6 != 0xF0 {
			return fmt.Errorf("frame %d: not ADTS", i)
		}
		size := int(head[3]&3)<<11 | int(head[4])<<3 | int(head[5])>>5
		if size < adtsHeaderSize {
			return fmt.Errorf("frame %d: size %d", i, size)
		}
		frame := append(head, make([]byte, size-adtsHeaderSize)...)
		if _, err := io.ReadFull(in, frame[adtsHeaderSize:]); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
		if i < first {
			continue
		}
		if _, err := out.Write(frame); err != nil {
			return err
		}
	}
	return nil
}
