package web

import (
	"fmt"
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
