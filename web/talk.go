package web

import (
	"errors"
	"math"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

type (
	// talkJSON is the way to the loudspeaker of a stream's camera.
	talkJSON struct {
		Codec     camgate.Codec `json:"codec"`     // that it takes; empty: it is not there now
		Permitted bool          `json:"permitted"` // to who asks
		Talking   *talkingJSON  `json:"talking"`
		Ended     string        `json:"ended"` // why the last talk was ended, by us
		Talks     uint64        `json:"talks"`
		Refused   uint64        `json:"refused"`
		Seconds   float64       `json:"seconds"`
	}
	talkingJSON struct {
		Remote string    `json:"remote"`
		Since  time.Time `json:"since"`
	}
)

// describeTo describes a stream to who asks for it: with what that user may do.
func (s *Server) describeTo(c *gin.Context, stream *camgate.Stream) streamJSON {
	out := s.describe(c.Request, stream)
	if !may(c, camgate.ActionPublish, stream) {
		out.URLs.WHIP = ""
	}
	back := stream.BackChannel()
	if back == nil {
		return out
	}
	info := back.Info()
	out.Talk = &talkJSON{
		Codec: info.Codec, Permitted: mayTalk(c, stream), Talks: info.Talks, Refused: info.Refused, Seconds: math.Round(info.Spoken.Seconds()*10) / 10,
	}
	if info.Ended != nil && !errors.Is(info.Ended, camgate.ErrClosed) {
		out.Talk.Ended = info.Ended.Error()
	}
	if info.Remote != "" {
		out.Talk.Talking = &talkingJSON{info.Remote, info.Since.UTC()}
	}
	return out
}

// userKey is where a request's context has its user.
const userKey = "user"

// mayTalk reports whether a request's user may talk to a stream's camera.
func mayTalk(c *gin.Context, stream *camgate.Stream) bool {
	return stream != nil && stream.BackChannel() != nil && may(c, camgate.ActionTalk, stream)
}

// may reports whether a request's user, who is known by now, may do that.
func may(c *gin.Context, action camgate.Action, stream *camgate.Stream) bool {
	user, ok := c.Get(userKey)
	account, is := user.(camgate.User)
	return ok && is && account.May(action, stream.Name()) == nil
}
