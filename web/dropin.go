package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// Addresses of other programs, so that what was set up for them needs only another host. The
// name of a stream always comes first: these mean something only where no stream, page or
// output of camgate's own has the address.

// tails are the addresses of outputs elsewhere: below a stream's name, and at the root for
// the default stream.
var tails = map[string]output{
	"/stream": outMJPEG, "/stream.mjpg": outMJPEG, // camera-streamer, ustreamer
	"/snapshot": outSnapshot, "/snapshot.jpg": outSnapshot,
	"/webrtc": outHandshake, // camera-streamer
}

// actions are what mjpg-streamer has in the query.
var actions = map[string]output{"stream": outMJPEG, "snapshot": outSnapshot}

// webcam is the folder under which printers' web servers have mjpg-streamer.
const webcam = "/webcam"

// dropIn returns what an address means in the form of another program, where it means
// nothing in our own.
func (s *Server) dropIn(r *http.Request, t target) (target, error) {
	if s.opts.NoDropIns || len(r.URL.Path) > maxPath {
		return t, nil
	}
	action := actions[r.URL.Query().Get("action")]
	if t.stream != nil {
		switch out := tails[strings.TrimPrefix(r.URL.Path, "/"+t.name)]; {
		case t.output == outUnknown && out != outUnknown:
			t.output = out
		case (t.output == outPage || t.output == outPageSlash) && action != outUnknown:
			t.output = action
		}
		return t, nil
	}
	tail, below := strings.CutPrefix(r.URL.Path, webcam)
	if !below {
		tail = r.URL.Path
	}
	out := tails[tail]
	if action != outUnknown && (tail == "/" || tail == "" && below) {
		out = action
	}
	if out == outUnknown {
		return t, nil
	}
	stream, err := s.defaultStream()
	if err != nil {
		return target{}, err
	}
	return target{name: stream.Name(), stream: stream, output: out}, nil
}

// defaultStream is the one that is meant by addresses without a name.
func (s *Server) defaultStream() (*camgate.Stream, error) {
	if name := s.opts.DefaultStream; name != "" {
		return s.opts.Registry.Get(name)
	}
	var found *camgate.Stream
	for _, stream := range s.opts.Registry.List() {
		if parent, _, ok := cutLast(stream.Name()); ok {
			if _, err := s.opts.Registry.Get(parent); err == nil {
				continue // a profile
			}
		}
		if found != nil {
			return nil, fmt.Errorf("%w: this address names no stream: http.default_stream can say which one is meant", camgate.ErrStreamNotFound)
		}
		found = stream
	}
	if found == nil {
		return nil, camgate.ErrStreamNotFound
	}
	return found, nil
}

func cutLast(name string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

// root is the dashboard, and mjpg-streamer's address.
func (s *Server) root(c *gin.Context) {
	if actions[c.Request.URL.Query().Get("action")] != outUnknown && !s.opts.NoDropIns {
		s.stream(c)
		return
	}
	s.dashboard(c)
}

// source returns the stream that go2rtc's "src" names, after the user was checked; it
// answers when there is none.
func (s *Server) source(c *gin.Context) *camgate.Stream {
	name := c.Query("src")
	if camgate.ValidName(name) != nil {
		s.refuse(c, http.StatusBadRequest, "", "src is to be the name of a stream")
		return nil
	}
	if !s.permit(c, camgate.ActionRead, name) {
		return nil
	}
	stream, err := s.opts.Registry.Get(name)
	if err != nil {
		s.fail(c, name, err)
		return nil
	}
	return stream
}

// go2rtc serves an output at an address of go2rtc's API, whose parameters of the picture
// have other names.
func (s *Server) go2rtc(out output) gin.HandlerFunc {
	return func(c *gin.Context) {
		stream := s.source(c)
		if stream == nil {
			return
		}
		q := c.Request.URL.Query()
		for theirs, ours := range map[string]string{"w": "width", "cache": "max_age"} {
			if v := q.Get(theirs); v != "" && !q.Has(ours) {
				q.Set(ours, strings.TrimSuffix(v, "s"))
			}
		}
		c.Request.URL.RawQuery = q.Encode()
		s.serveOutput(c, target{name: stream.Name(), stream: stream, output: out})
	}
}

// go2rtcStreams lists the streams as go2rtc does, as far as others look at that.
func (s *Server) go2rtcStreams(c *gin.Context) {
	type end struct {
		URL string `json:"url,omitempty"`
	}
	type entry struct {
		Producers []end `json:"producers"`
		Consumers []end `json:"consumers"`
	}
	describe := func(stream *camgate.Stream) entry {
		viewers, _ := stream.Demand()
		return entry{Producers: []end{{s.urls(c.Request, stream.Name()).RTSP}}, Consumers: make([]end, viewers)}
	}
	c.Header("Cache-Control", "no-store")
	if c.Request.URL.Query().Has("src") {
		if stream := s.source(c); stream != nil {
			c.JSON(http.StatusOK, describe(stream))
		}
		return
	}
	user, ok := s.user(c)
	if !ok {
		return
	}
	if err := user.May(camgate.ActionList, ""); err != nil {
		s.fail(c, "", err)
		return
	}
	list := map[string]entry{}
	for _, stream := range s.opts.Registry.List() {
		if user.May(camgate.ActionRead, stream.Name()) == nil {
			list[stream.Name()] = describe(stream)
		}
	}
	c.JSON(http.StatusOK, list)
}
