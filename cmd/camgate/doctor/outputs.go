package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
	Without []string `json:"without"` // tracks that are left out, and why
}

func judge(tracks []*camgate.Track, ffmpeg string) []Output {
	out := []Output{judgeRTSP(tracks), judgeWebRTC(tracks), judgeHLS(tracks), judgeMJPEG(tracks, ffmpeg)}
	for i := range out {
		out[i].Reason = clean(out[i].Reason)
		if out[i].Without == nil {
			out[i].Without = []string{}
		}
		for j := range out[i].Without {
			out[i].Without[j] = clean(out[i].Without[j])
		}
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

func judgeWebRTC(tracks []*camgate.Track) Output {
	out := Output{Output: "webrtc"}
	sent, missing, err := webrtc.Judge(tracks)
	video := mainOf(tracks)
	if err != nil && video != nil {
		for _, c := range []camgate.Codec{camgate.H265, camgate.AV1} {
			if more, without, moreErr := webrtc.Judge(tracks, c); moreErr == nil {
				out.Result, out.Without = WorksIf, without
				out.Reason = decodes[c]
				sent, err = more, nil
				break
			}
		}
	}
	switch {
	case err != nil && video != nil && video.Reorders():
		out.Result, out.Reason = WorksAfter, "B-frames are switched off at the camera: WebRTC cannot show them"
	case err != nil:
		out.Result, out.Reason = Cannot, bare(err)
	case out.Result == WorksIf:
	default:
		out.Result, out.Without = Works, missing
		out.soundOnly(video, sent)
	}
	return out
}

// decodes says which viewers by WebRTC decode a codec.
var decodes = map[camgate.Codec]string{
	camgate.H265: "the browser decodes H265: Safari does, Chrome and Edge with a hardware decoder, Firefox does not",
	camgate.AV1:  "the browser decodes AV1: Chrome, Edge and Firefox do, Safari with a hardware decoder",
}

func judgeHLS(tracks []*camgate.Track) Output {
	out := Output{Output: "hls", Result: Works}
	served, left, err := hls.Judge(tracks)
	out.Without = left
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
