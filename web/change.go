package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// Controller changes streams while they run.
type Controller interface {
	// Settings returns what can be changed of a stream, as it is; nil: nothing can.
	Settings(stream string) *Settings
	// Change changes it. It fails, and has changed nothing, with ErrBadRequest and the
	// field when that makes no sense, or with what keeps the machine from it, as
	// ErrEncoderUnavailable. It may have to find out first, which takes seconds.
	Change(ctx context.Context, stream string, change Change) error
}

// Settings are what can be changed of a stream.
type Settings struct {
	Enabled bool     `json:"enabled"`
	Sources []string `json:"sources,omitempty"` // to choose from
	Source  any      `json:"source,omitempty"`  // index of the one that was chosen, or "auto"
	// Video is what its picture has to be; nil: as the source sends it.
	Video    map[string]any    `json:"video,omitempty"`
	Controls map[string]string `json:"controls,omitempty"` // of the camera
}

// Change is what to change of them: what is nil stays.
type Change struct {
	Enabled  *bool
	Source   *int // index, -1 is "auto"
	Video    map[string]string
	Controls map[string]string
}

// changeJSON is the body of a request. Values may be numbers or text.
type changeJSON struct {
	Enabled  *bool          `json:"enabled"`
	Source   any            `json:"source"`
	Video    map[string]any `json:"video"`
	Controls map[string]any `json:"controls"`
}

// changeStream answers PATCH of a stream.
func (s *Server) changeStream(c *gin.Context) {
	name := strings.TrimPrefix(c.Param("name"), "/")
	if !s.permit(c, camgate.ActionAdmin, name) {
		return
	}
	stream, err := s.opts.Registry.Get(name)
	if err != nil {
		s.fail(c, name, err)
		return
	}
	if origin := c.GetHeader("Origin"); origin != "" && s.allowOrigin(c.Request) == "" && !sameHost(origin, c.Request.Host) {
		s.refuse(c, http.StatusForbidden, name, "pages of other hosts may not do this")
		return
	}
	if kind, _, _ := mime.ParseMediaType(c.ContentType()); kind != "application/json" {
		s.refuse(c, http.StatusUnsupportedMediaType, name, "send application/json")
		return
	}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(bodyTimeout))
	change, err := readChange(http.MaxBytesReader(c.Writer, c.Request.Body, s.opts.Limits.Body))
	if err == nil {
		if s.opts.Control == nil {
			err = fmt.Errorf("changing streams: %w", errNotOffered)
		} else {
			err = s.opts.Control.Change(c.Request.Context(), name, change)
		}
	}
	if err != nil {
		s.fail(c, name, err)
		return
	}
	s.log.Info("stream changed", "stream", name, "remote", c.Request.RemoteAddr)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, s.describeTo(c, stream))
}

// sameHost tells whether a page was loaded from the host that it asks.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// readChange reads the body of a request, strictly.
func readChange(r io.Reader) (Change, error) {
	bad := func(format string, args ...any) (Change, error) {
		return Change{}, fmt.Errorf("%w: "+format, append([]any{camgate.ErrBadRequest}, args...)...)
	}
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	d.UseNumber()
	var in changeJSON
	if err := d.Decode(&in); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return bad("%s: cannot be a %s", wrong.Field, wrong.Value)
		}
		return bad("%s: what can be changed is enabled, source, video, controls", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad("something follows the object")
	}
	out := Change{Enabled: in.Enabled}
	switch v := in.Source.(type) {
	case nil:
	case json.Number:
		n, err := v.Int64()
		if err != nil || n < 0 || n > 1<<16 {
			return bad(`source: a number from 0, in the order of the config, or "auto"`)
		}
		index := int(n)
		out.Source = &index
	default:
		if v != "auto" {
			return bad(`source: a number from 0, in the order of the config, or "auto"; new ones come by the config only`)
		}
		auto := -1
		out.Source = &auto
	}
	var err error
	if out.Video, err = texts("video", in.Video); err != nil {
		return Change{}, err
	}
	out.Controls, err = texts("controls", in.Controls)
	return out, err
}

// texts are the values of a section as one would write them in a config.
func texts(section string, in map[string]any) (map[string]string, error) {
	if in == nil {
		return nil, nil
	}
	out := map[string]string{}
	for key, value := range in {
		switch v := value.(type) {
		case string:
			out[key] = v
		case json.Number:
			out[key] = v.String()
		case bool:
			out[key] = fmt.Sprint(v)
		default:
			return nil, fmt.Errorf("%w: %s.%s: want text or a number", camgate.ErrBadRequest, section, key)
		}
	}
	return out, nil
}
