package web

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// The API's answers; docs/api.md describes them.
type (
	streamList struct {
		Streams []streamJSON `json:"streams"`
	}
	streamJSON struct {
		Name        string            `json:"name"`
		State       camgate.State     `json:"state"`
		Since       time.Time         `json:"since"`
		Source      string            `json:"source"`
		Error       string            `json:"error"`
		Warnings    []string          `json:"warnings"`
		RetryAt     *time.Time        `json:"retry_at"`
		Retries     int               `json:"retries"`
		Attempts    uint64            `json:"attempts"`
		Reconnects  uint64            `json:"reconnects"`
		LiveSince   *time.Time        `json:"live_since"`
		Offline     *time.Time        `json:"offline_since"`
		Still       bool              `json:"still"`
		LastError   string            `json:"last_error"`
		LastErrorAt *time.Time        `json:"last_error_at"`
		Drift       *float64          `json:"clock_drift_ppm"`
		Publisher   string            `json:"publisher"`
		Encoder     string            `json:"encoder"`
		Tracks      []trackJSON       `json:"tracks"`
		Readers     []readerJSON      `json:"readers"`
		Variants    []variantJSON     `json:"variants"`
		Talk        *talkJSON         `json:"talk,omitempty"`
		BytesIn     uint64            `json:"bytes_in"`
		BytesOut    uint64            `json:"bytes_out"`
		UnitsIn     uint64            `json:"units_in"`
		Skipped     map[string]uint64 `json:"skipped"`
		Cached      int64             `json:"cached_bytes"`
		Settings    *Settings         `json:"settings,omitempty"`
		URLs        urlsJSON          `json:"urls"`
	}
	trackJSON struct {
		ID        int           `json:"id"`
		Kind      camgate.Kind  `json:"kind"`
		Codec     camgate.Codec `json:"codec"`
		ClockRate int           `json:"clock_rate"`
		Channels  int           `json:"channels,omitempty"`
		Width     int           `json:"width,omitempty"`
		Height    int           `json:"height,omitempty"`
		FPS       float64       `json:"fps,omitempty"`
		Profile   string        `json:"profile,omitempty"`
	}
	readerJSON struct {
		ID       uint64            `json:"id"`
		Protocol string            `json:"protocol"`
		Remote   string            `json:"remote"`
		Since    time.Time         `json:"since"`
		Bytes    uint64            `json:"bytes"`
		Skipped  map[string]uint64 `json:"skipped"`
		Path     *pathJSON         `json:"path,omitempty"`
		Choice   *choiceJSON       `json:"choice,omitempty"`
	}
	// choiceJSON is which rendition a viewer is sent, where there are several.
	choiceJSON struct {
		Asked     string `json:"asked"`
		Rendition string `json:"rendition"`
		Estimate  *int   `json:"estimate_bps"` // null: not known
		Changes   int    `json:"changes"`
	}
	pathJSON struct {
		Protocol string   `json:"protocol"`
		Family   string   `json:"family"`
		Relayed  bool     `json:"relayed"`
		RTT      *float64 `json:"rtt_ms"`
	}
	// variantJSON is what is made of a stream for those who cannot take it as it is.
	variantJSON struct {
		Video    camgate.Codec `json:"video"` // empty: as it is
		BFrames  bool          `json:"b_frames"`
		Audio    camgate.Codec `json:"audio"`
		Made     []string      `json:"made"`
		State    camgate.State `json:"state"`
		Error    string        `json:"error"`
		Warnings []string      `json:"warnings"`
		Encoder  string        `json:"encoder"`
		Readers  int           `json:"readers"`
		BytesOut uint64        `json:"bytes_out"`
		Sound    float64       `json:"sound_seconds"` // of CPU
	}
	urlsJSON struct {
		Page     string `json:"page"`
		RTSP     string `json:"rtsp,omitempty"`
		RTSPS    string `json:"rtsps,omitempty"`
		WHEP     string `json:"whep,omitempty"`
		WHIP     string `json:"whip,omitempty"` // of streams that are published
		HLS      string `json:"hls,omitempty"`
		MJPEG    string `json:"mjpeg,omitempty"`
		Snapshot string `json:"snapshot,omitempty"`
	}
)

// apiStreams lists the streams that the user may read.
func (s *Server) apiStreams(c *gin.Context) {
	user, ok := s.user(c)
	if !ok {
		return
	}
	if err := user.May(camgate.ActionList, ""); err != nil {
		s.fail(c, "", err)
		return
	}
	list := streamList{Streams: []streamJSON{}}
	for _, stream := range s.opts.Registry.List() {
		if user.May(camgate.ActionRead, stream.Name()) == nil {
			list.Streams = append(list.Streams, s.describeTo(c, stream))
		}
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, list)
}

// apiStream describes one stream.
func (s *Server) apiStream(c *gin.Context) {
	name := strings.TrimPrefix(c.Param("name"), "/")
	if !s.permit(c, camgate.ActionRead, name) {
		return
	}
	stream, err := s.opts.Registry.Get(name)
	if err != nil {
		s.fail(c, name, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, s.describeTo(c, stream))
}

// apiDevices lists the cameras of this machine.
func (s *Server) apiDevices(c *gin.Context) {
	if !s.permit(c, camgate.ActionAdmin, "") {
		return
	}
	if s.opts.Devices == nil {
		s.fail(c, "", fmt.Errorf("local cameras: %w", errNotOffered))
		return
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"devices": s.opts.Devices(c.Request.Context())})
}

// apiEncoders lists the encoders of this machine, and which of them work.
func (s *Server) apiEncoders(c *gin.Context) {
	if !s.permit(c, camgate.ActionAdmin, "") {
		return
	}
	if s.opts.Encoders == nil {
		s.fail(c, "", fmt.Errorf("encoders: %w", errNotOffered))
		return
	}
	table := s.opts.Encoders(c.Request.Context())
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, table)
}

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
