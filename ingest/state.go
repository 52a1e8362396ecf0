package ingest

import (
	"log/slog"
	"time"

	"github.com/camgate/camgate"
)

// setState tells everybody where the source stands: one line in the log a change.
func (sup *Supervisor) setState(state camgate.State, err error, retryIn time.Duration) {
	st := camgate.Status{State: state, Err: err, Source: sup.sources[sup.now].String()}
	if state != camgate.StateLive && state != camgate.StateStalled {
		st.Retries = sup.backoff.Failures()
	}
	if retryIn > 0 {
		st.Retry = time.Now().Add(retryIn)
	}
	sup.stream.SetStatus(st)
	sup.note(state, err)
}

// note writes the line about a change, also one that the source's Writer made.
// Failures have been told of, with what they mean; see news.
func (sup *Supervisor) note(state camgate.State, err error) {
	before := sup.state
	if sup.state = state; state == before || before == "" {
		return
	}
	source := slog.String("source", sup.sources[sup.now].String())
	// The way through a failure that goes on is no news.
	log, onTheWay := sup.log.With(source), sup.log.With(source).Info
	if len(sup.told) > 0 {
		onTheWay = log.Debug
	}
	switch state {
	case camgate.StateIdle:
		onTheWay("source is idle")
	case camgate.StateConnecting:
		onTheWay("source is connected to")
	case camgate.StateWaitingKeyframe:
		onTheWay("source is connected, waiting for a keyframe")
	case camgate.StateLive:
		if before == camgate.StateStalled {
			log.Info("source is live again")
		} else {
			log.Info("source is live")
		}
	case camgate.StateStalled:
		log.Warn("source is stalled", "err", err)
	case camgate.StateRetrying, camgate.StateFailed:
	}
}

// remindAfter is how often a source that keeps failing for the same reason is logged.
const remindAfter = time.Hour

// news is the logger for a failure. One that is no news, as it is the same as before,
// is for who looks closely: a camera that is away for a night is one line, not a
// thousand.
func (sup *Supervisor) news(source camgate.Source, err error) func(string, ...any) {
	log := sup.log.With("source", source.String(), "err", err)
	key := source.String() + "\n" + err.Error()
	if last, ok := sup.told[key]; ok && time.Since(last) < remindAfter {
		return log.Debug
	}
	if len(sup.told) >= maxTold {
		clear(sup.told)
	}
	sup.told[key] = time.Now()
	return log.Warn
}

// maxTold bounds the reasons that are remembered.
const maxTold = 16
