package rendition

import (
	"context"
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

// knockPatience is how long a knock waits for a parent that is on its way.
const knockPatience = 5 * time.Second

// awaitLive waits until a stream is live, for which it has to be wanted. It ends with
// the trouble of a stream that failed, and says what is awaited when ctx ends.
func awaitLive(ctx context.Context, parent *camgate.Stream) error {
	for {
		changed := parent.Changed()
		st := parent.Status()
		switch st.State {
		case camgate.StateLive, camgate.StateStalled:
			return nil
		case camgate.StateRetrying, camgate.StateFailed:
			return trouble(parent, st)
		case camgate.StateIdle, camgate.StateConnecting, camgate.StateWaitingKeyframe:
			// On its way, as it is wanted; or it waits for a publisher.
			if st.State == camgate.StateIdle && st.Err != nil {
				return trouble(parent, st)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s is %s", camgate.ErrNotReady, parent.Name(), st.State)
		}
	}
}

// awaitTrouble waits until a live stream is so no more, and returns why; nil: ctx
// ended first.
func awaitTrouble(ctx context.Context, parent *camgate.Stream) error {
	for {
		changed := parent.Changed()
		switch st := parent.Status(); st.State {
		case camgate.StateLive, camgate.StateStalled:
		case camgate.StateIdle, camgate.StateConnecting, camgate.StateWaitingKeyframe, camgate.StateRetrying, camgate.StateFailed:
			return trouble(parent, st)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// trouble is why a stream is not live. The one who made the error has said what it is
// about; it stays what it is, so that it is answered and retried as it should.
func trouble(parent *camgate.Stream, st camgate.Status) error {
	if st.Err != nil {
		return st.Err
	}
	return fmt.Errorf("%w: %s is %s", camgate.ErrNotReady, parent.Name(), st.State)
}

// Want makes a stream wanted for as long as its rendition is, until ctx ends: also
// while the rendition's source waits for its next attempt.
func Want(ctx context.Context, rendition, parent *camgate.Stream) error {
	release := func() {}
	defer func() { release() }()
	for held := false; ; {
		n, changed := rendition.Demand()
		switch {
		case n > 0 && !held:
			release, held = parent.Hold(), true
		case n == 0 && held:
			release()
			release, held = func() {}, false
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
