// Package demo holds the clip which camgate shows when no camera is set up.
//
// The clip is a plain progressive MP4 with one H264 and one AAC-LC track, both
// starting at 0 and both lasting exactly 8 s: the shortest time which is a
// whole number of pictures, of AAC frames and of seconds. Playing it in a loop
// therefore needs no gap and no correction in either track.
//
// Every second starts with a white flash of FlashFrames pictures and a 1 kHz
// beep of the same length, which shows whether sound and picture are in sync.
// Every picture carries its number, see package frameno.
//
// scripts/make-demo.sh makes the clip.
package demo

import _ "embed" // for the clip

// Facts about the clip, which its test holds to.
const (
	Frames      = 200
	FPS         = 25
	Width       = 1280
	Height      = 720
	GOP         = 50 // pictures from one keyframe to the next
	FlashFrames = 2  // white at the start of each second, as long as the beep

	SampleRate      = 48000
	Channels        = 1
	AudioFrames     = 375
	SamplesPerFrame = 1024
)

// clip is a string, not a byte slice, so that nobody can change it.
//
//go:embed demo.mp4
var clip string

// Clip returns a copy of the clip, an MP4 file.
func Clip() []byte {
	return []byte(clip)
}
