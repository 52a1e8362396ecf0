package ingest

import (
	"log/slog"
	"time"
)

// Options shape the supervision of a source. Zero values mean the defaults.
type Options struct {
	OnDemand bool          // run the source only while somebody wants the stream
	Linger   time.Duration // how long to go on after the last one left; default 10 s
	// StallTimeout is how long there may be no complete access unit; default 10 s. Video
	// that came steadily until then is given up earlier, see watchdog.patience.
	StallTimeout time.Duration
	StartTimeout time.Duration // until the first access unit; default 15 s
	// MinDialInterval is the least time between two connections to the same device,
	// whatever streams they are for.
	MinDialInterval time.Duration
	// SingleConnection says that the device takes one connection at a time.
	SingleConnection bool
	HoldAfterLoss    bool // see camgate.Intake
	Slate            bool // while the source is away, its last picture is shown again and again
	Dials            *Dials
	Logger           *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Linger == 0 {
		o.Linger = 10 * time.Second
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = defaultStall
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 15 * time.Second
	}
	if o.Dials == nil {
		o.Dials = NewDials(0)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
