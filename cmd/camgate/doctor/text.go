package doctor

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/camgate/camgate"
)

// Write writes the report for people, in colour if their terminal has it.
func (r *Report) Write(w io.Writer, colour bool) error {
	t := &text{colour: colour}
	t.line("%s", r.Source)
	t.reached(r)
	t.tracks(r)
	if len(r.Outputs) > 0 {
		t.line("\nOutputs")
		for _, o := range r.Outputs {
			t.output(o)
		}
	}
	if len(r.Advice) > 0 {
		t.line("\nWhat to change")
		for _, a := range r.Advice {
			t.line("  - %s", a.Text)
		}
	}
	if f := r.Failure; f != nil {
		t.line("\n%s %s", t.paint(red, f.Kind+":"), f.Meaning)
		t.line("  %s", f.Error)
		t.line("  %s", f.Advice)
	} else {
		t.line("\n%s", t.paint(green, "The source works."))
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// The colours of ECMA-48, 8.3.117.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

type text struct {
	b      strings.Builder
	colour bool
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

// fact is a line of the first part; what is empty is left out.
func (t *text) fact(name, value string) {
	if value != "" {
		t.line("  %-14s %s", name, value)
	}
}

func (t *text) paint(colour, s string) string {
	if !t.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (t *text) reached(r *Report) {
	address := strings.Join(r.Addresses, ", ")
	if r.ConnectMS != nil {
		address += fmt.Sprintf(", connected in %.1f ms", *r.ConnectMS)
	}
	t.fact("address", address)
	if f := r.TLS; f != nil {
		verified := "verified by " + string(f.Verified)
		if f.Verified == "" {
			verified = t.paint(red, "refused")
		}
		t.fact("TLS", join(f.Version.String(), f.Suite.String(), verified))
		t.fact("certificate", fmt.Sprintf("%s, until %s", f.Subject, f.NotAfter.UTC().Format(time.DateOnly)))
		t.fact("fingerprint", f.Fingerprint.String())
	}
	if s := r.Session; s != nil {
		t.fact("camera", s.Server)
		login := s.Login
		if login == "" {
			login = "no password asked for"
		}
		t.fact("login", login)
		if s.Encrypted {
			t.fact("media", "encrypted")
		}
		t.fact("repaired", strings.Join(s.Repairs, ", "))
	}
	for _, tr := range r.Transports {
		result := map[string]string{
			TransportWorks: t.paint(green, "works"), TransportSilent: t.paint(yellow, "silent"),
			TransportRefused: t.paint(yellow, "refused"), TransportNotTried: "not tried",
		}[tr.Result]
		t.fact(strings.ToUpper(tr.Transport), colon(result, tr.Reason))
	}
	if r.FirstPictureMS != nil {
		t.fact("first picture", fmt.Sprintf("after %.0f ms", *r.FirstPictureMS))
	}
	if len(r.Tracks) > 0 {
		drift := "not known yet: it takes 40 s (--time 45s)"
		if r.DriftPPM != nil {
			drift = fmt.Sprintf("%+.0f ppm", *r.DriftPPM)
		}
		t.fact("clock drift", drift)
		decoder := map[string]string{
			DecoderOK: t.paint(green, "ok"), DecoderError: t.paint(red, "error"), DecoderNotTried: "not tried",
		}[r.Decoder.Result]
		if r.Decoder.Result == DecoderOK {
			decoder += fmt.Sprintf(", %d pictures", r.Decoder.Pictures)
		}
		t.fact("decoder", colon(decoder, r.Decoder.Reason))
	}
}

func (t *text) tracks(r *Report) {
	if len(r.Tracks) == 0 {
		return
	}
	t.line("\nTracks, watched for %.1f s", r.MeasuredMS/1000)
	for _, track := range r.Tracks {
		t.line("  %-6s %s", track.Kind, track.summary())
		if g := track.GOP; g != nil && track.Codec != camgate.MJPEG {
			t.line("         %s, %s", g.summary(), bFrames(track.BFrames))
		}
		if p := track.RTP; p != nil {
			t.line("         %d of %d packets lost, jitter %.1f ms, %s", max(p.Lost, 0), p.Expected, p.JitterMS, plural(p.Reports, "sender report"))
		}
		if track.Gaps > 0 {
			t.line("         %s", plural(track.Gaps, "gap"))
		}
	}
}

func (t *Track) summary() string {
	var size, rate, channels string
	if t.Width > 0 {
		size = fmt.Sprintf("%dx%d", t.Width, t.Height)
	}
	switch {
	case t.Kind == camgate.Audio:
		rate = fmt.Sprintf("%d Hz", t.ClockRate)
		if t.Channels > 0 {
			channels = plural(t.Channels, "channel")
		}
	case t.Units == 0:
		rate = "no picture came"
	case t.FPS > 0 && t.Declared > 0:
		rate = fmt.Sprintf("%.4g fps (it says %.4g)", t.FPS, t.Declared)
	case t.FPS > 0:
		rate = fmt.Sprintf("%.4g fps", t.FPS)
	}
	codec := string(t.Codec)
	if t.Profile != "" && t.Profile != "JPEG" {
		codec += " " + t.Profile
	}
	return join(codec, size, rate, channels, bits(t.Bitrate))
}

func (g *GOP) summary() string {
	if g.AtLeast {
		return fmt.Sprintf("no second keyframe in %.1f s", g.Seconds)
	}
	return fmt.Sprintf("a keyframe each %.4g s (%.4g pictures)", g.Seconds, g.Pictures)
}

func bFrames(b *bool) string {
	if b != nil && *b {
		return "B-frames"
	}
	return "no B-frames"
}

func (t *text) output(o Output) {
	name := map[string]string{"rtsp": "RTSP", "webrtc": "WebRTC", "hls": "LL-HLS", "mjpeg": "MJPEG"}[o.Output]
	var text string
	switch o.Result {
	case Works:
		text = colon(t.paint(green, "works"), o.Reason)
	case WorksAfter:
		text = t.paint(yellow, "works after") + " " + o.Reason
	case WorksIf:
		text = t.paint(yellow, "works if") + " " + o.Reason
	case SoundOnly:
		text = colon(t.paint(yellow, "sound only"), o.Reason)
	default:
		text = t.paint(red, "cannot") + ", because " + o.Reason
	}
	t.line("  %-7s %s", name, text)
	for _, m := range o.Made {
		t.line("          made anew: %s", m)
	}
	for _, w := range o.Without {
		t.line("          without %s", w)
	}
}

func colon(head, rest string) string {
	if rest == "" {
		return head
	}
	return head + ": " + rest
}

// join puts commas between what is not empty.
func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func bits(n int) string {
	switch {
	case n <= 0:
		return ""
	case n >= 1e6:
		return fmt.Sprintf("%.3g Mbit/s", float64(n)/1e6)
	}
	return fmt.Sprintf("%.3g kbit/s", float64(n)/1e3)
}
