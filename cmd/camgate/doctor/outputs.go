package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/mjpeg"
	"github.com/camgate/camgate/hls"
	"github.com/camgate/camgate/rtsp"
	"github.com/camgate/camgate/webrtc"
)

// What an output makes of a source.
const (
	Works      = "works"
	WorksAfter = "works_after" // when something is changed: Reason says what
	WorksIf    = "works_if"    // with some viewers only: Reason says with which
	SoundOnly  = "sound_only"
	Cannot     = "cannot"
)

// Output is a verdict. It is that of the code that would serve a viewer.
type Output struct {
	Output  string   `json:"output"` // rtsp, webrtc, hls or mjpeg
	Result  string   `json:"result"` // works, works_after, works_if, sound_only or cannot
	Reason  string   `json:"reason"`
	Made    []string `json:"made"`    // what the gateway makes anew for it, in words
	Without []string `json:"without"` // tracks that are left out, and why
}

// makePatience is how long what an output needs may take to be there: encoders are tried.
const makePatience = 20 * time.Second

// judge says what the outputs make of a stream that is live, or, with tracks alone, what
// they make of those as they are.
func judge(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track, variants camgate.Variants, ffmpeg string) []Output {
	if variants == nil {
		stream = nil
	}
	ctx, cancel := context.WithTimeout(ctx, makePatience)
	defer cancel()
	out := []Output{
		judgeRTSP(tracks), judgeWebRTC(ctx, stream, tracks, variants), judgeHLS(ctx, stream, tracks, variants), judgeMJPEG(tracks, ffmpeg),
	}
	for i := range out {
		o := &out[i]
		o.Reason, o.Made, o.Without = clean(o.Reason), cleaned(o.Made), cleaned(o.Without)
	}
	return out
}

func cleaned(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = clean(t)
	}
	return out
}

// judgeRTSP: what arrives, leaves again.
func judgeRTSP(tracks []*camgate.Track) Output {
	if err := rtsp.Judge(tracks); err != nil {
		return Output{Output: "rtsp", Result: Cannot, Reason: bare(err)}
	}
	return Output{Output: "rtsp", Result: Works}
}

func judgeWebRTC(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track, variants camgate.Variants) Output {
	out := Output{Output: "webrtc", Result: Works}
	video := mainOf(tracks)
	var sent []*camgate.Track
	var err error
	if stream != nil {
		sent, out.Made, out.Without, err = webrtc.Try(ctx, stream, variants)
	} else {
		sent, out.Without, err = webrtc.Judge(tracks)
	}
	if err == nil {
		out.soundOnly(video, sent)
		if what := decodes[codecOf(video)]; what != "" && mainOf(sent) != video {
			out.Reason = "as it is where " + what
		}
		return out
	}
	if video != nil {
		if _, without, moreErr := webrtc.Judge(tracks, camgate.H265, camgate.AV1); moreErr == nil {
			out.Result, out.Reason, out.Without = WorksIf, decodes[video.Codec], without
			out.Reason += notMade("; for the others ", err)
			return out
		}
	}
	out.Result, out.Reason = Cannot, bare(err)
	if video != nil && video.Reorders() {
		out.Result, out.Reason = WorksAfter, "B-frames are switched off at the camera"+notMade("; ", err)
	}
	return out
}

// notMade is the last reason of a refusal: why the picture cannot be made anew; empty: it
// was not tried.
func notMade(before string, err error) string {
	reasons := strings.Split(bare(err), "; ")
	if last := reasons[len(reasons)-1]; strings.Contains(last, "cannot be made of it: ") {
		return before + last
	}
	return ""
}

func codecOf(t *camgate.Track) camgate.Codec {
	if t == nil {
		return ""
	}
	return t.Codec
}

// decodes says which viewers by WebRTC decode a codec.
var decodes = map[camgate.Codec]string{
	camgate.H265: "the browser decodes H265: Safari does, Chrome and Edge with a hardware decoder, Firefox does not",
	camgate.AV1:  "the browser decodes AV1: Chrome, Edge and Firefox do, Safari with a hardware decoder",
}

func judgeHLS(ctx context.Context, stream *camgate.Stream, tracks []*camgate.Track, variants camgate.Variants) Output {
	out := Output{Output: "hls", Result: Works}
	var served []*camgate.Track
	var err error
	if stream != nil {
		served, out.Made, out.Without, err = hls.Try(ctx, stream, variants)
	} else {
		served, out.Without, err = hls.Judge(tracks)
	}
	if err != nil {
		out.Result, out.Reason, out.Without = Cannot, bare(err), nil
		return out
	}
	if slices.ContainsFunc(served, func(t *camgate.Track) bool { return t.Codec == camgate.H265 }) {
		out.Result = WorksIf
		out.Reason = "the player decodes H265: Safari does, other browsers with a hardware decoder"
	}
	out.soundOnly(mainOf(tracks), served)
	return out
}

// soundOnly notes that the picture is not among what is served.
func (o *Output) soundOnly(video *camgate.Track, served []*camgate.Track) {
	if mainOf(served) == nil {
		o.Result = SoundOnly
		if video == nil {
			o.Reason = "there is no picture"
		}
	}
}

func judgeMJPEG(tracks []*camgate.Track, ffmpeg string) Output {
	out := Output{Output: "mjpeg", Result: Works}
	track, decoded, err := mjpeg.Judge(tracks, ffmpeg)
	switch {
	case errors.Is(err, camgate.ErrNotInstalled):
		out.Result, out.Reason = WorksAfter, bare(err)
		return out
	case err != nil:
		out.Result, out.Reason = Cannot, bare(err)
		return out
	case decoded:
		out.Reason = fmt.Sprintf("ffmpeg makes JPEG of %s, once for all viewers", track.Codec)
	}
	for _, t := range tracks {
		if t.Kind == camgate.Audio {
			out.Without = append(out.Without, fmt.Sprintf("%s: MJPEG has no sound", t.Codec))
		}
	}
	return out
}

// bare is an error without the sentinel in front of it.
func bare(err error) string {
	text := err.Error()
	for _, sentinel := range []error{camgate.ErrUnsupportedCodec, camgate.ErrNotInstalled} {
		text = strings.TrimPrefix(text, sentinel.Error()+": ")
	}
	return text
}
