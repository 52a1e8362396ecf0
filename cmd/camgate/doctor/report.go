package doctor

import (
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest/trust"
	"github.com/camgate/camgate/rtsp"
)

// Report is what was found. Its JSON keys are stable; docs/probe.md has them. What
// is not known is null, or left out where it makes no sense for the source. It holds
// no secrets, and no control characters of a device.
type Report struct {
	Source         string       `json:"source"`
	OK             bool         `json:"ok"`
	Addresses      []string     `json:"addresses,omitempty"`
	LookupMS       *float64     `json:"lookup_ms,omitempty"`
	ConnectMS      *float64     `json:"connect_ms,omitempty"`
	TLS            *trust.Facts `json:"tls,omitempty"`
	Session        *Session     `json:"session,omitempty"`
	Transports     []Transport  `json:"transports,omitempty"`
	FirstPictureMS *float64     `json:"first_picture_ms"` // from the connection on
	MeasuredMS     float64      `json:"measured_ms"`
	DriftPPM       *float64     `json:"clock_drift_ppm"` // positive: the camera's clock is the faster one
	Tracks         []Track      `json:"tracks"`
	Decoder        Decoder      `json:"decoder"`
	Outputs        []Output     `json:"outputs"`
	Advice         []Advice     `json:"advice"`
	Failure        *Failure     `json:"failure"`

	keyframeless bool // pictures came, but none to start with
}

// Session is what an RTSP camera granted.
type Session struct {
	Transport string   `json:"transport"`
	Encrypted bool     `json:"encrypted"`
	Login     string   `json:"login"` // empty: nobody asked for a password
	Server    string   `json:"server"`
	Repairs   []string `json:"repairs"` // what of its answers had to be repaired
}

// Track is one track as it came.
type Track struct {
	Kind       camgate.Kind  `json:"kind"`
	Codec      camgate.Codec `json:"codec"`
	Profile    string        `json:"profile"`
	Width      int           `json:"width,omitempty"`
	Height     int           `json:"height,omitempty"`
	FPS        float64       `json:"fps,omitempty"`          // as measured
	Declared   float64       `json:"fps_declared,omitempty"` // by the parameter sets
	ClockRate  int           `json:"clock_rate"`
	Channels   int           `json:"channels,omitempty"`
	Bitrate    int           `json:"bitrate"` // bits a second
	Units      int           `json:"units"`   // pictures, or frames of sound
	BFrames    *bool         `json:"b_frames,omitempty"`
	GOP        *GOP          `json:"gop,omitempty"`
	LongestGap float64       `json:"longest_gap_ms"` // between two arrivals
	Gaps       int           `json:"gaps"`           // places at which something was missing
	RTP        *RTP          `json:"rtp,omitempty"`
}

// GOP is the distance of keyframes.
type GOP struct {
	Keyframes int     `json:"keyframes"`
	Seconds   float64 `json:"seconds"` // mean; with at_least, what was waited in vain
	Longest   float64 `json:"longest_seconds"`
	Pictures  float64 `json:"pictures"` // mean
	AtLeast   bool    `json:"at_least"` // no second keyframe came in the time of the measurement
}

// RTP is how the packets of a track came.
type RTP struct {
	Expected int64   `json:"expected"`
	Received int64   `json:"received"`
	Lost     int64   `json:"lost"`
	JitterMS float64 `json:"jitter_ms"`
	Reports  int     `json:"sender_reports"`
}

func newReport(source string) *Report {
	return &Report{
		Source: source, Tracks: []Track{}, Outputs: []Output{}, Advice: []Advice{},
		Decoder: Decoder{Result: DecoderNotTried, Reason: "there is no picture"},
	}
}

// sessioner is a source that knows its session.
type sessioner interface{ Session() rtsp.Session }

// session notes what an RTSP source knows of its session.
func (e *exam) session() {
	s, ok := e.source.(sessioner)
	if !ok {
		return
	}
	known := s.Session()
	if known.Transport == "" {
		return
	}
	e.report.Session = &Session{
		Transport: string(known.Transport), Encrypted: known.Encrypted,
		Login: clean(known.Login), Server: clean(known.Server), Repairs: []string{},
	}
	for _, r := range known.Repairs {
		e.report.Session.Repairs = append(e.report.Session.Repairs, clean(r))
	}
	e.meter.receptions = known.Tracks
}

// note puts what was measured into the report.
func (e *exam) note() {
	m, tracks := &e.meter, e.stream.Tracks()
	if !m.first.IsZero() {
		e.report.FirstPictureMS = milliseconds(m.first.Sub(m.began))
		e.report.MeasuredMS = rounded(m.over.Sub(m.first).Seconds()*1000, 1)
	}
	e.report.DriftPPM = e.stream.Info().Drift
	if st := e.stream.Status(); m.units == 0 && st.State == camgate.StateWaitingKeyframe && st.Err != nil {
		e.report.keyframeless = true
	}
	for i, t := range tracks {
		out := m.track(t)
		if i < len(m.receptions) {
			r := m.receptions[i]
			out.RTP = &RTP{
				Expected: r.Expected, Received: r.Received, Lost: r.Lost,
				JitterMS: rounded(r.Jitter.Seconds()*1000, 2), Reports: r.SenderReports,
			}
			if r.Drift != 0 && e.report.DriftPPM == nil {
				e.report.DriftPPM = &r.Drift
			}
		}
		e.report.Tracks = append(e.report.Tracks, out)
	}
	if d := e.report.DriftPPM; d != nil {
		ppm := rounded(*d, 0)
		e.report.DriftPPM = &ppm
	}
}

// track tells what was measured of a track.
func (m *meter) track(t *camgate.Track) Track {
	p := t.Params()
	out := Track{
		Kind: t.Kind, Codec: camgate.Codec(clean(string(t.Codec))), Profile: clean(p.Profile),
		Width: p.Width, Height: p.Height, Declared: rounded(p.FPS, 2), ClockRate: t.ClockRate, Channels: t.Channels,
	}
	got := m.by[t]
	if got == nil {
		return out
	}
	out.Units, out.Gaps = got.units, got.gaps
	out.LongestGap = rounded(got.longest.Seconds()*1000, 1)
	interval := got.interval(t)
	if interval > 0 {
		lasts := interval.Seconds() * float64(got.units)
		out.Bitrate = int(float64(got.bytes) * 8 / lasts)
	}
	if t.Kind != camgate.Video {
		return out
	}
	if interval > 0 {
		out.FPS = rounded(1/interval.Seconds(), 2)
	}
	reorders := t.Reorders()
	out.BFrames = &reorders
	out.GOP = &GOP{Keyframes: got.keys}
	if got.keys > 1 {
		n := float64(got.keys - 1)
		out.GOP.Seconds, out.GOP.Longest = rounded(got.gopTime.Seconds()/n, 2), rounded(got.longestGOP.Seconds(), 2)
		out.GOP.Pictures = rounded(float64(got.gopUnits)/n, 1)
	} else {
		out.GOP.AtLeast = true
		out.GOP.Seconds = rounded(got.span(t).Seconds(), 2)
		out.GOP.Longest, out.GOP.Pictures = out.GOP.Seconds, float64(got.units)
	}
	return out
}

func milliseconds(d time.Duration) *float64 {
	ms := rounded(d.Seconds()*1000, 1)
	return &ms
}

func rounded(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}

// maxClean bounds in bytes what is repeated of a device's words.
const maxClean = 500

// clean makes words of a device or a library fit for terminals and for strangers.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, config.Redact(s))
	if len(s) > maxClean {
		s = strings.ToValidUTF8(s[:maxClean], "") + "..."
	}
	return strings.TrimSpace(s)
}
