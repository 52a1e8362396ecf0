package web

import (
	"fmt"
	"html"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// sourcePublish is the Source in the status of streams that are published.
const sourcePublish = "publish"

// publish is the page from which a stream is published.
func (s *Server) publish(c *gin.Context, stream *camgate.Stream) {
	switch {
	case s.opts.Outputs.WHIP == nil:
		s.fail(c, stream.Name(), fmt.Errorf("publishing by WebRTC (WHIP): %w", errNotOffered))
		return
	case stream.Status().Source != sourcePublish:
		s.fail(c, stream.Name(), fmt.Errorf("%w: it has a source of its own; give it \"source: publish\" to publish to it", camgate.ErrForbidden))
		return
	}
	v := values{"rtsp": ""}
	v.text("title", "Publish "+stream.Name()+" · camgate")
	v.text("stream", stream.Name())
	urls := s.urls(c.Request, stream.Name())
	v.text("whip", urls.Page+"/whip")
	if urls.RTSP != "" {
		v["rtsp"] = `<dt>RTSP</dt><dd><code class="address-url">` + html.EscapeString(urls.RTSP) + `</code></dd>`
	}
	s.page(c, http.StatusOK, "publish", v)
}
