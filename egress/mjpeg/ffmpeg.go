package mjpeg

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/camgate/camgate/egress/child"
)

// ffmpeg finds the program, each time anew: it may be installed while we run.
func (s *Server) ffmpeg() (string, error) {
	path, err := child.Find(s.opts.FFmpeg)
	if err != nil {
		return "", errNoFFmpeg
	}
	return path, nil
}

// pipeBytes is how much may wait in the pipe to a decoder, and in its own buffer
// behind that. A decoder that is too slow is to be seen to be (maxDecoderLag), and
// a small pipe costs no more than some switches between the two.
const pipeBytes = 4096

// decoder is the command of a child that reads Matroska and writes SMJPEG.
func (s *Server) decoder(path string, q shape, output ...string) child.Command {
	args := []string{
		"-v", "error", "-nostdin", "-filter_threads", "1",
		// It has all that it needs to know from the first picture. One thread: more
		// would each hold a picture back.
		"-fpsprobesize", "0", "-probesize", "32", "-analyzeduration", "0",
		"-copyts", "-threads", "1", "-f", "matroska", "-blocksize", strconv.Itoa(pipeBytes), "-i", "pipe:0",
	}
	args = append(args, output...)
	args = append(args,
		"-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-threads", "1", "-q:v", strconv.Itoa(quantizer(cmp.Or(q.quality, s.opts.Quality))),
		"-flush_packets", "1", "-f", "smjpeg", "pipe:1")
	return child.Command{
		Path: path, Args: args, Env: []string{"AV_LOG_FORCE_NOCOLOR=1"},
		PipeBytes: pipeBytes,
	}
}

// live is the decoder of a rendition. It decodes everything, but makes a JPEG only
// of the first picture, for those who wait, and of those from edge (ms) on: what
// lies between is history. The standard Huffman tables, and both quantization
// tables, are what RTP can carry (RFC 2435).
func (s *Server) live(path string, edge uint64, q shape) child.Command {
	pick := fmt.Sprintf(`select=eq(n\,0)+gte(t\,%s)`, seconds(edge))
	fps := s.opts.MaxFPS
	if q.fps > 0 {
		fps = float64(q.fps)
	}
	if fps > 0 {
		// A tenth less than the interval, so that a camera of just that rate keeps
		// all of its pictures although they come a little early at times.
		interval := uint64(float64(time.Second/tick) / fps * 0.9)
		pick += fmt.Sprintf(`*gte(t-prev_selected_t\,%s)`, seconds(interval))
	}
	return s.decoder(path, q, "-vf", pick+q.scale(), s.passthrough(), "passthrough", "-enc_time_base", "1:1000",
		"-huffman", "default", "-force_duplicated_matrix", "1")
}

// single is the decoder of one picture.
func (s *Server) single(path string, q shape) child.Command {
	return s.decoder(path, q, "-vf", "null"+q.scale(), "-frames:v", "1", "-enc_time_base", "1:1000")
}

// scale is the filter that makes pictures of a shape's width, never larger than they were;
// of lines there are an even number, by the picture's own proportions.
func (s shape) scale() string {
	if s.width == 0 {
		return ""
	}
	return fmt.Sprintf(`,scale=w=min(%d\,iw):h=-2`, s.width)
}

// passthrough is the name of the option that makes ffmpeg leave the pictures'
// timing alone: version 5.1 gave it another name, and the old one will go.
func (s *Server) passthrough() string {
	if s.newOption.Load() {
		return "-fps_mode"
	}
	return "-vsync"
}

// tooNew reports whether a decoder ended because it does not know the old name,
// and sees to it that the next one gets the new name.
func (s *Server) tooNew(err error) bool {
	var ce *child.Error
	return errors.As(err, &ce) && strings.Contains(ce.Output, "'vsync'") && s.newOption.CompareAndSwap(false, true)
}

// seconds writes ticks as a decimal number of seconds.
func seconds(ticks uint64) string {
	return strconv.FormatFloat(float64(ticks)*tick.Seconds(), 'f', 3, 64)
}

// quantizer turns a quality as people know it from JPEG programs (1 to 100) into
// ffmpeg's scale (31 to 2) such that the files have about the same size.
func quantizer(quality int) int {
	percent := 200 - 2*quality // of the tables of ITU-T T.81 annex K.1
	if quality < 50 {
		percent = 5000 / max(quality, 1)
	}
	return min(max((17*percent+50)/100, 2), 31)
}
