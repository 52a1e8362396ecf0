package web

import (
	"math"
	"net"
	"net/http"
	"time"

	"github.com/camgate/camgate"
)

func (s *Server) describe(r *http.Request, stream *camgate.Stream) streamJSON {
	info := stream.Info()
	out := streamJSON{
		Name:      info.Name,
		State:     info.Status.State,
		Since:     info.Status.Since.UTC(),
		Source:    withoutSecrets(info.Status.Source),
		Warnings:  make([]string, 0, len(info.Warnings)),
		Retries:   info.Status.Retries,
		Publisher: withoutSecrets(info.Publisher),
		Encoder:   info.Encoder,
		Tracks:    make([]trackJSON, 0, len(info.Tracks)),
		Readers:   []readerJSON{},
		Variants:  []variantJSON{},
		BytesIn:   info.BytesIn,
		BytesOut:  info.BytesOut,
		UnitsIn:   info.UnitsIn,
		Skipped:   info.Skipped,
		Cached:    info.Cached,
		URLs:      s.urls(r, info.Name),
	}
	if info.Status.Source == sourcePublish {
		out.URLs.WHIP = offered(s.opts.Outputs.WHIP, out.URLs.Page+"/whip")
	}
	if info.Status.Err != nil {
		out.Error = withoutSecrets(info.Status.Err.Error())
	}
	for _, text := range info.Warnings {
		out.Warnings = append(out.Warnings, withoutSecrets(text))
	}
	st := info.Status
	out.Attempts, out.Reconnects, out.Still = st.Attempts, st.Reconnects, info.Still
	out.RetryAt, out.LiveSince, out.Offline, out.LastErrorAt = moment(st.Retry), moment(st.LiveSince), moment(info.OfflineSince), moment(st.LastErrAt)
	if st.LastErr != nil {
		out.LastError = withoutSecrets(st.LastErr.Error())
	}
	if info.Drift != nil {
		ppm := math.Round(*info.Drift*10) / 10
		out.Drift = &ppm
	}
	if s.opts.Control != nil {
		out.Settings = s.opts.Control.Settings(info.Name)
	}
	for _, t := range info.Tracks {
		p := t.Params()
		out.Tracks = append(out.Tracks, trackJSON{
			ID: t.ID, Kind: t.Kind, Codec: t.Codec, ClockRate: t.ClockRate, Channels: t.Channels,
			Width: p.Width, Height: p.Height, FPS: p.FPS, Profile: p.Profile,
		})
	}
	for _, reader := range info.Readers {
		if !reader.Internal {
			out.Readers = append(out.Readers, describeReader(reader))
		}
	}
	for i := range info.Variants {
		out.Variants = append(out.Variants, describeVariant(&info.Variants[i]))
	}
	return out
}

func describeVariant(v *camgate.VariantInfo) variantJSON {
	out := variantJSON{
		Video: v.Video, BFrames: !v.NoReorder && v.Video == "", Audio: v.Audio, Made: append([]string{}, v.Made...),
		State: v.Info.Status.State, Warnings: []string{}, Encoder: v.Info.Encoder,
		Readers: v.Readers, BytesOut: v.Info.BytesOut, Sound: math.Round(v.Busy.Seconds()*1000) / 1000,
	}
	if err := v.Info.Status.Err; err != nil {
		out.Error = withoutSecrets(err.Error())
	}
	for _, text := range v.Info.Warnings {
		out.Warnings = append(out.Warnings, withoutSecrets(text))
	}
	return out
}

// moment is a time for the API; null: there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func describeReader(reader camgate.ReaderInfo) readerJSON {
	skipped := map[string]uint64{}
	for _, reason := range camgate.SkipReasons() {
		skipped[reason.String()] = reader.Skipped[reason]
	}
	out := readerJSON{
		ID: reader.ID, Protocol: reader.Protocol, Remote: reader.Remote,
		Since: reader.Since.UTC(), Bytes: reader.Bytes, Skipped: skipped,
	}
	if c := reader.Choice; c != nil {
		out.Choice = &choiceJSON{Asked: c.Asked, Rendition: c.Rendition, Changes: c.Changes}
		if c.Estimate > 0 {
			out.Choice.Estimate = &c.Estimate
		}
	}
	if p := reader.Path; p != nil {
		out.Path = &pathJSON{Protocol: p.Protocol, Family: p.Family(), Relayed: p.Relayed}
		if p.Remote.IsValid() {
			out.Remote = p.Remote.String()
		}
		if p.RTT > 0 {
			ms := math.Round(p.RTT.Seconds()*1e4) / 10
			out.Path.RTT = &ms
		}
	}
	return out
}

// urls are a stream's addresses as the one who asks would reach them.
func (s *Server) urls(r *http.Request, name string) urlsJSON {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	page := scheme + "://" + r.Host + "/" + name
	host := hostname(r.Host)
	rtsp := func(scheme, address string) string {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return ""
		}
		return scheme + "://" + net.JoinHostPort(host, port) + "/" + name
	}
	return urlsJSON{
		Page:     page,
		RTSP:     rtsp("rtsp", s.opts.RTSP),
		RTSPS:    rtsp("rtsps", s.opts.RTSPS),
		WHEP:     offered(s.opts.Outputs.WHEP, page+"/whep"),
		HLS:      offered(s.opts.Outputs.HLS, page+"/index.m3u8"),
		MJPEG:    offered(s.opts.Outputs.MJPEG, page+"/mjpeg"),
		Snapshot: offered(s.opts.Outputs.Snapshot, page+"/snapshot.jpg"),
	}
}

func offered(o Output, address string) string {
	if o == nil {
		return ""
	}
	return address
}
