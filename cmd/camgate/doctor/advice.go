package doctor

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/rtsp"
)

// Advice is something to change, mostly at the camera.
type Advice struct {
	ID   string `json:"id"` // stable, for machines
	Text string `json:"text"`
}

const (
	maxGOP     = 4.0  // seconds that a viewer without a cached GOP waits
	maxLoss    = 0.01 // of the packets
	maxJitter  = 100.0
	maxPPM     = 200.0
	minReports = 1
)

func advise(r *Report) []Advice {
	out := []Advice{}
	add := func(id, format string, args ...any) {
		out = append(out, Advice{id, clean(fmt.Sprintf(format, args...))})
	}
	if r.keyframeless {
		add("keyframes", "pictures come, but no keyframe to start with: set the I-frame interval (GOP) at the camera to two seconds, and switch smart codecs (H.264+, H.265+, Zipstream) off")
	}
	for _, t := range r.Tracks {
		if t.Kind == camgate.Video {
			t.advise(r, add)
		} else if t.Kind == camgate.Audio {
			t.adviseSound(r, add)
		}
		t.adviseRTP(r, add)
	}
	for _, o := range r.Outputs {
		if o.Output == "rtsp" && o.Result == Cannot && slices.ContainsFunc(r.Tracks, func(t Track) bool { return t.Codec == camgate.MJPEG }) {
			add("jpeg", "set the camera to baseline JPEG in 4:2:0 or 4:2:2 with the standard Huffman tables, of at most 2,040 pixels a side, if RTSP viewers are to see it (ffmpeg: -pix_fmt yuvj420p -huffman default)")
		}
	}
	if r.TLS != nil && r.TLS.Legacy {
		add("old_tls", "the camera knows only old TLS (%s, %s): look for newer firmware", r.TLS.Version, r.TLS.Suite)
	}
	if d := r.DriftPPM; d != nil && math.Abs(*d) > maxPPM {
		add("clock", "the camera's clock is off by %.0f millionths: set a time server (NTP) at the camera", *d)
	}
	for _, t := range r.Transports {
		if t.Transport == string(rtsp.TransportUDP) && t.Result == TransportSilent {
			add("udp", "UDP is granted, but nothing comes: look for a firewall, or set \"transport: tcp\", which saves the time to find out")
		}
	}
	return out
}

type adder func(id, format string, args ...any)

// advise is about pictures.
func (t *Track) advise(r *Report, add adder) {
	if t.BFrames != nil && *t.BFrames {
		costs := "WebRTC cannot show them"
		if made := r.made("webrtc", camgate.Video); made != "" {
			costs = "for WebRTC something has to be made of it (" + made + ")"
		}
		add("b_frames", "set B-frames to 0 (or the H264 profile to Baseline) at the camera: %s, and they add delay everywhere", costs)
	}
	switch t.Codec {
	case camgate.H265:
		if r.made("webrtc", camgate.Video) != "" {
			add("h265", "set the codec to H264 at the camera, or use its H264 substream, to save the encoder that browsers without H265 need, and to have them by LL-HLS as well")
		} else {
			add("h265", "set the codec to H264 at the camera, or use its H264 substream, if every browser is to show it")
		}
		if strings.HasPrefix(t.Profile, "Main 10") || strings.HasPrefix(t.Profile, "Range") {
			add("profile", "set the profile to Main (8 bit, without HDR): few devices decode %s", t.Profile)
		}
	case camgate.H264:
		if strings.HasPrefix(t.Profile, "High 10") || strings.HasPrefix(t.Profile, "High 4:") {
			add("profile", "set the profile to High, Main or Baseline (8 bit, 4:2:0): browsers do not decode %s", t.Profile)
		}
	case camgate.MJPEG:
		if r.made("webrtc", camgate.Video) != "" {
			add("mjpeg", "take the camera's H264 stream if it has one: WebRTC and HLS carry no JPEG, so that H264 has to be made of it")
		} else {
			add("mjpeg", "WebRTC and HLS carry no JPEG: take the camera's H264 stream if it has one")
		}
	}
	if g := t.GOP; g != nil && t.Codec != camgate.MJPEG && g.Seconds > maxGOP {
		fps := t.FPS
		if fps <= 0 {
			fps = 25
		}
		what := fmt.Sprintf("comes each %.1f s", g.Seconds)
		if g.AtLeast {
			what = fmt.Sprintf("came only once in %.1f s", g.Seconds)
		}
		add("gop", "set the I-frame interval (GOP) to %.0f, two seconds, at the camera: a keyframe %s, which makes HLS slow and players wait after each loss", fps*2, what)
	}
}

// made is what the gateway makes anew of the pictures, or of the sound, for an output, in
// words; empty: nothing.
func (r *Report) made(output string, kind camgate.Kind) string {
	for _, o := range r.Outputs {
		for _, m := range o.Made {
			if o.Output == output && strings.HasPrefix(m, string(kind)+" ") {
				return m
			}
		}
	}
	return ""
}

// lacks tells whether a track is left out of an output.
func (r *Report) lacks(output string, codec camgate.Codec) bool {
	return slices.ContainsFunc(r.Outputs, func(o Output) bool {
		return o.Output == output && slices.ContainsFunc(o.Without, func(w string) bool { return strings.Contains(w, string(codec)+":") })
	})
}

// adviseSound is about what browsers hear; nothing has to be changed where it is made for them.
func (t *Track) adviseSound(r *Report, add adder) {
	switch t.Codec {
	case camgate.AAC:
		if r.lacks("webrtc", t.Codec) {
			add("aac", "WebRTC has no sound of AAC: set the sound to Opus or G.711 (PCMA, PCMU) at the camera if browsers are to hear it there; HLS has it")
		}
	case camgate.PCMA, camgate.PCMU:
		if r.lacks("hls", t.Codec) {
			add("g711", "HLS has no sound of G.711: set the sound to AAC at the camera if HLS players are to hear it; WebRTC has it")
		}
	}
}

// adviseRTP is about the way to us.
func (t *Track) adviseRTP(r *Report, add adder) {
	if t.RTP == nil || t.RTP.Received == 0 {
		return
	}
	if loss := float64(t.RTP.Lost) / float64(max(t.RTP.Expected, 1)); loss > maxLoss {
		if r.Session != nil && r.Session.Transport == string(rtsp.TransportUDP) {
			add("loss", "%.1f %% of the packets of %s are lost: set \"transport: tcp\", or mend the network (cable in place of Wi-Fi)", loss*100, t.Kind)
		} else {
			add("loss", "%.1f %% of the packets of %s are missing although they come by TCP: the camera leaves them out, so lower its bitrate or the number of its viewers", loss*100, t.Kind)
		}
	}
	if t.RTP.JitterMS > maxJitter {
		add("jitter", "packets of %s come unevenly (%.0f ms): the network or the camera is overloaded", t.Kind, t.RTP.JitterMS)
	}
	if t.RTP.Reports < minReports && r.MeasuredMS >= 8000 && len(r.Tracks) > 1 {
		add("sender_reports", "the camera sends no RTCP sender reports for %s: picture and sound may be apart", t.Kind)
	}
}
