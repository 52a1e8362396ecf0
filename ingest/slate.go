package ingest

import (
	"context"
	"time"

	"github.com/camgate/camgate"
)

// slateInterval is how often the last picture is shown again: often enough for
// players to go on, and cheap, as it is a keyframe each time.
const slateInterval = time.Second

// ShowSlate repeats a stream's last picture for as long as its source, or whoever
// publishes it, is away; until ctx ends. Nothing is drawn into it: the state of the
// stream says since when it is old.
func ShowSlate(ctx context.Context, s *camgate.Stream) error {
	for sleep(ctx, slateInterval) {
		units := s.Units() // before the state, as the source may come back now
		if isAway(s.Status()) {
			s.Repeat(units)
		}
	}
	return ctx.Err()
}

// isAway tells whether nothing comes before the next keyframe does. While a source is
// stalled the next picture may build on the one before.
func isAway(st camgate.Status) bool {
	switch st.State {
	case camgate.StateConnecting, camgate.StateWaitingKeyframe, camgate.StateRetrying, camgate.StateFailed:
		return true
	case camgate.StateIdle: // nobody publishes; of other sources: nobody watches
		return st.Source == PublishSource
	case camgate.StateLive, camgate.StateStalled:
	}
	return false
}
