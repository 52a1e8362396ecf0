package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/rtsp"
)

// What became of a transport.
const (
	TransportWorks    = "works"
	TransportSilent   = "silent" // granted, but nothing comes
	TransportRefused  = "refused"
	TransportNotTried = "not_tried"
)

// Transport is a way of media, and whether it works.
type Transport struct {
	Transport string `json:"transport"`
	Result    string `json:"result"` // works, silent, refused or not_tried
	Reason    string `json:"reason"`
}

const (
	// breath is left to the camera between two sessions.
	breath = 500 * time.Millisecond
	// silence is how long nothing may come by a transport.
	silence        = 3 * time.Second
	attemptTimeout = 12 * time.Second
	pollInterval   = 50 * time.Millisecond
)

// tryTransports tells of the transport of the session, and of the other one that the
// gateway may come to. err is how the session ended.
func (e *exam) tryTransports(ctx context.Context, err error) {
	if _, ok := e.source.(sessioner); !ok || e.report.Session == nil {
		return
	}
	used := rtsp.Transport(e.report.Session.Transport)
	result := Transport{Transport: string(used), Result: TransportWorks}
	if received(e.meter.receptions) == 0 {
		result.Result, result.Reason = TransportSilent, "no packet came"
	}
	e.report.Transports = []Transport{result}
	if e.Transport != rtsp.TransportAuto {
		return
	}
	other := rtsp.TransportTCP
	if used == rtsp.TransportTCP {
		other = rtsp.TransportUDP
	}
	result = Transport{Transport: string(other), Result: TransportNotTried}
	switch {
	case e.Single:
		result.Reason = "the camera takes one connection"
	case err != nil && !errors.Is(err, camgate.ErrNoVideoTrack) && !errors.Is(err, camgate.ErrTimeout) && !errors.Is(err, camgate.ErrDecoder):
		result.Reason = "the first session failed"
	case ctx.Err() != nil:
		result.Reason = "interrupted"
	default:
		result = e.try(ctx, other)
	}
	e.report.Transports = append(e.report.Transports, result)
}

// try makes a short session.
func (e *exam) try(ctx context.Context, t rtsp.Transport) Transport {
	out := Transport{Transport: string(t), Result: TransportNotTried}
	stream := camgate.NewRendition("probe", camgate.StreamLimits{})
	defer stream.Close()
	source, err := e.Open(stream, t, e.seen)
	if err != nil {
		out.Reason = clean(err.Error())
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	ended := make(chan error, 1)
	wg.Go(func() {
		pause := time.NewTimer(breath)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		ended <- source.Run(ctx, stream)
	})
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	var granted time.Time
	for {
		select {
		case err := <-ended:
			return refused(out, err)
		case now := <-ticker.C:
			known := source.(sessioner).Session()
			switch {
			case known.Transport == "":
			case known.Transport != t:
				out.Result, out.Reason = TransportRefused, fmt.Sprintf("the camera insists on %s", known.Transport)
				return out
			case received(known.Tracks) > 0:
				out.Result = TransportWorks
				return out
			case granted.IsZero():
				granted = now
			case now.Sub(granted) > silence:
				out.Result, out.Reason = TransportSilent, "the camera grants it, but no packet comes: look for a firewall in between"
				return out
			}
		}
	}
}

// refused says how an attempt ended by itself.
func refused(out Transport, err error) Transport {
	switch {
	case err == nil:
		out.Reason = "the source ended"
	case errors.Is(err, camgate.ErrTooManyStreams):
		out.Reason = "the camera takes no second session so soon: " + clean(err.Error())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, camgate.ErrTimeout):
		out.Result, out.Reason = TransportSilent, "no answer in time"
	default:
		out.Result, out.Reason = TransportRefused, clean(err.Error())
	}
	return out
}

func received(tracks []rtsp.Reception) (n int64) {
	for _, r := range tracks {
		n += r.Received
	}
	return n
}
