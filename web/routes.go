package web

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// routes makes the handler. Streams are what is left when no other route matches.
func (s *Server) routes() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // else gin writes to standard output
	e := gin.New()
	e.RedirectTrailingSlash = false // a stream's pages know better
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false
	e.Use(s.recover, s.count, s.limit, s.protect, s.cors)
	get := func(path string, h gin.HandlerFunc) {
		e.GET(path, h)
		e.HEAD(path, h)
	}
	get("/", s.root)
	get("/api/v1/streams", s.apiStreams)
	get("/api/v1/streams/*name", s.apiStream)
	e.PATCH("/api/v1/streams/*name", s.changeStream)
	get("/api/v1/devices", s.apiDevices)
	get("/api/v1/encoders", s.apiEncoders)
	if !s.opts.NoDropIns {
		get("/api/streams", s.go2rtcStreams)
		get("/api/frame.jpeg", s.go2rtc(outSnapshot))
		get("/api/stream.mjpeg", s.go2rtc(outMJPEG))
		e.POST("/api/webrtc", s.go2rtcWebRTC)
		e.GET("/api/ws", s.go2rtcSocket)
	}
	get("/healthz", s.healthz)
	get("/readyz", s.readyz)
	get("/metrics", s.serveMetrics)
	get("/assets/*file", s.serveAsset)
	e.NoMethod(func(c *gin.Context) {
		s.refuse(c, http.StatusMethodNotAllowed, "", c.Request.Method+" is not possible here: "+c.Writer.Header().Get("Allow"))
	})
	e.NoRoute(s.stream)
	return e
}

// stream serves what belongs to a stream: its page and its outputs.
func (s *Server) stream(c *gin.Context) {
	c.Status(http.StatusOK) // gin has set 404 for whoever does not say otherwise
	t, err := s.dropIn(c.Request, resolve(s.opts.Registry, c.Request.URL.Path))
	if err != nil {
		s.fail(c, "", err)
		return
	}
	if t.name == "" {
		s.notFound(c)
		return
	}
	action := camgate.ActionRead
	if t.output == outWHIP || t.output == outPublish {
		action = camgate.ActionPublish
	}
	if !s.permit(c, action, t.name) {
		return
	}
	if t.output == outWHEP && mayTalk(c, t.stream) {
		c.Request = c.Request.WithContext(camgate.PermitTalk(c.Request.Context()))
	}
	switch {
	case t.stream == nil:
		s.fail(c, t.name, &camgate.StreamError{Op: "find", Stream: t.name, Err: camgate.ErrStreamNotFound})
	case t.output == outUnknown:
		s.refuse(c, http.StatusNotFound, t.name, fmt.Sprintf("stream %s has no such page or output", t.name))
	case !allowed(t.output, c.Request.Method):
		c.Header("Allow", "GET, HEAD")
		s.refuse(c, http.StatusMethodNotAllowed, t.name, c.Request.Method+" is not possible here: GET, HEAD")
	case t.output == outPage:
		s.player(c, t.stream)
	case t.output == outPublish:
		s.publish(c, t.stream)
	case t.output == outPageSlash:
		c.Redirect(http.StatusMovedPermanently, "/"+t.name)
	default:
		s.serveOutput(c, t)
	}
}

// allowed reports whether an output knows an HTTP method. WHEP and WHIP have more
// of them and answer for themselves.
func allowed(o output, method string) bool {
	if o == outWHEP || o == outWHIP || o == outHandshake {
		return true
	}
	return method == http.MethodGet || method == http.MethodHead
}

func (s *Server) serveOutput(c *gin.Context, t target) {
	var out Output
	var what string
	switch t.output {
	case outWHEP:
		out, what = s.opts.Outputs.WHEP, "WebRTC (WHEP)"
	case outWHIP:
		out, what = s.opts.Outputs.WHIP, "publishing by WebRTC (WHIP)"
	case outHLS:
		out, what = s.opts.Outputs.HLS, "HLS"
	case outMJPEG:
		out, what = s.opts.Outputs.MJPEG, "MJPEG"
	case outSnapshot:
		out, what = s.opts.Outputs.Snapshot, "snapshots"
	case outHandshake:
		out, what = s.opts.Outputs.Handshake, "WebRTC (camera-streamer's handshake)"
	case outUnknown, outPage, outPageSlash, outPublish: // no outputs
	}
	if out == nil {
		s.fail(c, t.name, fmt.Errorf("%s: %w", what, errNotOffered))
		return
	}
	rc := http.NewResponseController(c.Writer)
	if t.output == outMJPEG {
		// It goes on for as long as somebody looks; what it writes to a viewer who
		// does not read is its own to limit.
		_ = rc.SetWriteDeadline(time.Time{})
	}
	if c.Request.ContentLength != 0 {
		_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, s.opts.Limits.Body)
	}
	if err := out(c.Writer, c.Request, t.stream, t.rest); err != nil {
		s.fail(c, t.name, err)
	}
}

// recover answers a request whose handler panicked.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(r)
		}
		s.log.Error("request failed", "err", fmt.Sprint(r), "remote", c.Request.RemoteAddr, "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler) // the only way to tell the client that there should be more
		}
		s.refuse(c, http.StatusInternalServerError, "", "internal error")
	}()
	c.Next()
}

// count keeps the metrics of requests.
func (s *Server) count(c *gin.Context) {
	c.Next()
	s.metrics.request(c.Writer.Status())
}

// limit bounds the requests that are served at a time.
func (s *Server) limit(c *gin.Context) {
	defer s.active.Add(-1)
	if s.active.Add(1) > int64(s.opts.Limits.Requests) {
		c.Header("Retry-After", "2")
		s.refuse(c, http.StatusServiceUnavailable, "", "too many requests at a time")
		return
	}
	c.Next()
}

func (s *Server) healthz(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.String(http.StatusOK, "ok\n")
}

// readyz gives no reason: it is open to everybody.
func (s *Server) readyz(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	if s.opts.Ready != nil {
		if err := s.opts.Ready(); err != nil {
			c.String(http.StatusServiceUnavailable, "not ready\n")
			return
		}
	}
	c.String(http.StatusOK, "ready\n")
}

func (s *Server) notFound(c *gin.Context) {
	if len(c.Request.URL.Path) > maxPath {
		s.refuse(c, http.StatusRequestURITooLong, "", "the path is too long")
		return
	}
	s.refuse(c, http.StatusNotFound, "", "there is nothing here")
}

// isAPI tells the requests that are always answered in JSON.
func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }
