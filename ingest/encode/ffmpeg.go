package encode

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/camgate/camgate"
)

// arguments is the command line of a child that reads Matroska and writes NUT.
func (s *Session) arguments() ([]string, error) {
	f, set := s.format, s.settings
	rate := set.rate(f)
	args := []string{"-v", "repeat+error", "-nostdin", "-filter_threads", "1"}
	args = append(args, s.encoder.variant.setup...)
	// It has all that it needs to know from the first picture. One thread: more would
	// each hold a picture back. The times of the pictures are left as they are.
	args = append(args, "-fpsprobesize", "0", "-probesize", "32", "-analyzeduration", "0",
		"-copyts", "-threads", "1", "-f", "matroska", "-i", "pipe:0",
		"-an", "-vsync", "passthrough", "-enc_time_base", "1:"+strconv.FormatInt(second, 10))
	filters, err := s.filters()
	if err != nil {
		return nil, err
	}
	args = append(args, "-vf", filters, "-c:v", s.encoder.kind.name)
	if set.Codec == camgate.MJPEG {
		args = append(args, s.encoder.kind.quality(set.Quality)...)
	} else {
		bits := strconv.Itoa(set.Bitrate)
		args = append(args, "-b:v", bits, "-maxrate", bits, "-bufsize", bits, "-bf", "0",
			"-g", strconv.Itoa(max(1, int(math.Round(set.GOP.Seconds()*rate)))),
			"-force_key_frames", fmt.Sprintf("expr:mod(round(t*%d),2)", second))
	}
	args = append(args, s.encoder.variant.options...)
	return append(args, "-flush_packets", "1", "-f", "nut", "-write_index", "0", "pipe:1"), nil
}

// hear takes what a child says.
func (s *Session) hear(line string) {
	for _, undecoded := range [...]string{
		"Error while decoding stream",        // ffmpeg up to 6.0
		"Error submitting packet to decoder", // and from then on
		"Decoding error",
	} {
		if s.format.Codec != camgate.Raw && strings.Contains(line, undecoded) {
			s.broken.Add(1)
			return
		}
	}
}

// filters is what happens to the pictures between decoder and encoder.
func (s *Session) filters() (string, error) {
	f, set := s.format, s.settings
	var list []string
	width, height := f.Width, f.Height
	if f.Fields != "" {
		list = append(list, "bwdif=send_frame:"+f.Fields+":all")
	}
	if f.Codec == camgate.Raw {
		l, err := f.layout()
		if err != nil {
			return "", err
		}
		if l.columns != width || width%2 != 0 || height%2 != 0 {
			list = append(list, fmt.Sprintf("crop=%d:%d:0:0:exact=1", width, height))
		}
	} else if set.thins(f) {
		list = append(list, thinning(set.FPS))
	}
	if width != set.Width || height != set.Height {
		list = append(list, fmt.Sprintf("scale=%d:%d:flags=bilinear", set.Width, set.Height))
	}
	if s.encoder.variant.filter != "" {
		list = append(list, s.encoder.variant.filter)
	}
	if len(list) == 0 {
		return "null", nil
	}
	return strings.Join(list, ","), nil
}

// thinning does what a thinner does, in ffmpeg: there the pictures are in order. It
// leaves those that are to be keyframes.
func thinning(fps float64) string {
	interval := strconv.FormatFloat(1/fps, 'f', 6, 64)
	return fmt.Sprintf(`select='if(gte(t\,ld(0)-%[1]s/4)+mod(round(t*%[2]d)\,2)\,st(0\,max(ld(0)+%[1]s\,t+%[1]s/2))*0+1\,0)'`, interval, second)
}
