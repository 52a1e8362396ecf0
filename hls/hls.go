// Package hls serves streams as low-latency HLS (RFC 8216bis): NAME/index.m3u8.
//
// One worker per stream, started with the first request and kept warm for a while
// after the last one, reads the stream from its cached keyframe on and cuts it
// into parts and segments of fragmented MP4. After each change it publishes a
// snapshot: what a playlist says at that moment and the bytes of all that it
// names. Requests are answered from snapshots: the same bytes for all viewers,
// rendered once. A request for what comes next waits for the next snapshot and
// ends when its client goes.
//
// The formats of playlists and codec strings come from gohlslib, the boxes of the
// initialization section from mediacommon. Cutting and serving are done here,
// because viewers need three things of them that gohlslib's own muxer does not
// have: an answer before the first segment is complete, a change of parameters
// within a playlist, and blocked requests that end with their clients.
package hls

import (
	"context"
	"log/slog"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress"
)

// Options shape a Server. Zero values mean the defaults.
type Options struct {
	Part    time.Duration // what parts aim at; default 200 ms
	Segment time.Duration // the least a segment lasts: it ends at a keyframe; default 1 s
	// Window is how much of the stream a playlist lists at least, as far as that many
	// whole segments are there; default 6 s, and never less than three target durations
	// (RFC 8216 section 6.2.2).
	Window time.Duration
	// Warm is how long a stream's worker stays after the last request; default 60 s.
	Warm time.Duration
	// Start is how long a first request waits for something to show; default 10 s.
	Start time.Duration
	// MaxWaiting bounds the requests of one stream that wait at a time; default 2,000.
	MaxWaiting int
	// Variants makes sound and pictures that HLS cannot carry in codecs that it can; nil:
	// nothing does, and they are left out.
	Variants camgate.Variants
	Log      *slog.Logger // default: discard
}

func (o Options) withDefaults() Options {
	if o.Part <= 0 {
		o.Part = 200 * time.Millisecond
	}
	if o.Segment <= 0 {
		o.Segment = time.Second
	}
	if o.Window <= 0 {
		o.Window = 6 * time.Second
	}
	if o.Warm <= 0 {
		o.Warm = time.Minute
	}
	if o.Start <= 0 {
		o.Start = 10 * time.Second
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = 2000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Server serves streams by HLS.
type Server struct {
	opts    Options
	workers *egress.Workers[*camgate.Stream, *muxer]
}

// New makes a Server. Run has to be running while it serves.
func New(opts Options) *Server {
	opts = opts.withDefaults()
	z := &zipper{}
	return &Server{opts: opts, workers: egress.NewWorkers(opts.Warm, func(st *camgate.Stream) *muxer {
		return newMuxer(st, opts, z)
	}, opts.Log)}
}

// Run blocks until ctx ends; then it ends all workers, and with them all requests
// that wait, and returns nil.
func (s *Server) Run(ctx context.Context) error { return s.workers.Run(ctx) }
