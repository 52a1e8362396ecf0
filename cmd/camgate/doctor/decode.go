package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// What a decoder made of the first pictures.
const (
	DecoderOK       = "ok"
	DecoderError    = "error"
	DecoderNotTried = "not_tried"
)

// Decoder is what ffmpeg made of the first GOP that came whole.
type Decoder struct {
	Result   string `json:"result"` // ok, error or not_tried
	Pictures int    `json:"pictures"`
	Reason   string `json:"reason"` // of an error, or why it was not tried
}

const decodeTimeout = 15 * time.Second

// decode gives a GOP to ffmpeg, which ends with the first error in it.
func (e *exam) decode(ctx context.Context) Decoder {
	g := &e.meter.gop
	out := Decoder{Result: DecoderNotTried}
	if len(g.units) == 0 {
		out.Reason = "no group of pictures came of which nothing was missing"
		return out
	}
	format := map[camgate.Codec]string{camgate.H264: "h264", camgate.H265: "hevc", camgate.MJPEG: "mjpeg"}[g.track.Codec]
	switch {
	case format == "":
		out.Reason = fmt.Sprintf("%s passes through camgate as it is", clean(string(g.track.Codec)))
		return out
	case g.track.Codec == camgate.H264 && !hasIDR(g.units[0]):
		out.Reason = "the camera refreshes its pictures by and by, and a decoder complains until one is complete"
		return out
	}
	path, err := child.Find(e.FFmpeg)
	if err != nil {
		out.Reason = "ffmpeg is not installed here"
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, decodeTimeout)
	defer cancel()
	args := []string{"-v", "error", "-nostdin", "-xerror"}
	if g.track.Codec == camgate.MJPEG {
		args = append(args, "-err_detect", "explode") // of itself its decoder goes on after any error
	}
	command := child.Command{
		Path: path, Env: []string{"AV_LOG_FORCE_NOCOLOR=1"},
		Args: append(args, "-threads", "1", "-f", format, "-i", "pipe:0", "-an", "-f", "null", "-"),
	}
	err = child.Run(ctx, command, g.feed)
	failed := (*child.Error)(nil)
	switch {
	case ctx.Err() != nil:
		out.Reason = fmt.Sprintf("ffmpeg did not end within %v", decodeTimeout)
	case err == nil:
		out.Result, out.Pictures = DecoderOK, len(g.units)
	case errors.As(err, &failed) && failed.Output != "":
		out.Result, out.Pictures, out.Reason = DecoderError, len(g.units), clean("ffmpeg: "+failed.Output)
	default:
		out.Reason = clean(err.Error())
	}
	return out
}

// feed writes the GOP as ffmpeg reads it: with start codes before NAL units (ISO/IEC
// 14496-10 annex B), JPEG files one after the other.
func (g *gop) feed(p *child.Process) error {
	for _, u := range g.units {
		for _, piece := range u.AU {
			if g.track.Codec != camgate.MJPEG {
				piece = append([]byte{0, 0, 0, 1}, piece...)
			}
			if _, err := p.Stdin.Write(piece); err != nil {
				return err // it ended, and its words say why
			}
		}
	}
	p.Stdin.Close()
	_, err := io.Copy(io.Discard, p.Stdout)
	if err != nil {
		return err
	}
	<-p.Done()
	return nil
}

// hasIDR tells whether a picture needs no other one for sure (ISO/IEC 14496-10 table 7-1).
func hasIDR(u *camgate.Unit) bool {
	for _, nalu := range u.AU {
		if len(nalu) > 0 && nalu[0]&0x1f == 5 {
			return true
		}
	}
	return false
}
