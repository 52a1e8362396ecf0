package ingest

import (
	"context"
	"time"

	"github.com/camgate/camgate"
)

// slateInterval is how often the last picture is shown again: often enough for
// players to go on, and cheap, as it is a keyframe each time.
const slateInterval = time.Second

// showSlate repeats the stream's last picture for as long as its source is away.
// Nothing is drawn into it: the state of the stream says since when it is old.
func (sup *Supervisor) showSlate(ctx context.Context) {
	for sleep(ctx, slateInterval) {
		units := sup.stream.Units() // before the state, as the source may come back now
		switch sup.stream.Status().State {
		case camgate.StateConnecting, camgate.StateWaitingKeyframe, camgate.StateRetrying, camgate.StateFailed:
			sup.stream.Repeat(units)
		case camgate.StateIdle, camgate.StateLive, camgate.StateStalled:
			// While it is stalled the next picture may build on the one before.
		}
	}
}
