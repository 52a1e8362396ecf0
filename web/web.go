// Package web is the HTTP side of the gateway: pages, the API, health,
// metrics, and the way to the outputs that are handed to it. It knows streams and
// users, but no media protocol.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// Output serves one protocol of a stream. rest is what follows the output's own
// part of the path: the session of a WHEP or WHIP resource, the file of HLS, empty
// for the others. The user has been checked. The request's context ends when the
// viewer leaves and when the server shuts down.
// What it cannot serve it returns as an error, having written nothing: the answer
// to that is the same for all outputs, see camgate.AnswerTo.
type Output func(w http.ResponseWriter, r *http.Request, stream *camgate.Stream, rest string) error

// Outputs are the protocols that the server offers; one that is nil is answered
// with 501 and the reason.
type Outputs struct {
	WHEP     Output // /NAME/whep and /NAME/whep/ID
	WHIP     Output // /NAME/whip and /NAME/whip/ID
	HLS      Output // /NAME/index.m3u8 and its other files
	MJPEG    Output // /NAME/mjpeg
	Snapshot Output // /NAME/snapshot.jpg

	Handshake Output // /NAME/webrtc, by which camera-streamer's viewers get an offer
}

// Options shape a Server. Only Registry is needed.
type Options struct {
	Registry *camgate.Registry
	Users    camgate.Users // none: everything is permitted
	// Attempts counts wrong passwords together with other protocols; nil: HTTP has
	// its own count, by Limits.
	Attempts *camgate.Attempts
	Outputs  Outputs
	Control  Controller                // nil: nothing can be changed
	Devices  func(context.Context) any // the cameras of this machine, for JSON; nil: nobody looks for them
	// Encoders are those of this machine, as far as they are known by now, for JSON; nil:
	// nobody tries them.
	Encoders func(context.Context) any
	Version  string // shown on the pages

	// DefaultStream is meant by other programs' addresses without a stream's name
	// (/?action=stream); empty: the only stream there is. NoDropIns switches all of them off.
	DefaultStream string
	NoDropIns     bool

	// RTSP and RTSPS are the listening addresses (":8554") of the RTSP servers, of
	// which the pages and the API show the port; empty: no such server.
	RTSP, RTSPS string

	// LoopbackOnly says that only this machine is to be served. Requests that were
	// made for the name of any other host are refused, so that a page from
	// elsewhere cannot reach the gateway through the viewer's browser.
	LoopbackOnly bool
	// AllowOrigins says which pages of other hosts may read media and the API:
	// "*" is all of them, without the viewer's credentials. None means all when
	// there are users, else pages of this machine, as then nothing else would keep
	// a page from elsewhere out, which somebody with access to the gateway opens.
	AllowOrigins []string

	Ready   func() error      // nil result: the gateway serves; nil func: always
	Metrics func(w io.Writer) // appends more metrics in the Prometheus text format
	Logger  *slog.Logger      // nil: none
	Limits  Limits            // zero values: the defaults
}

// Limits bound what clients can make the server do.
type Limits struct {
	Requests        int           // at a time; default 10,000
	Body            int64         // bytes of a request's body; default 256 KiB
	Failures        int           // wrong passwords per address within FailureWindow; default 10
	FailureWindow   time.Duration // default 1 minute
	FailureDelay    time.Duration // until a wrong password is answered; default 500 ms
	Verifications   int           // passwords verified at a time; default 4
	RememberLogin   time.Duration // how long a verified password is not verified again; default 1 minute
	RememberedUsers int           // logins remembered at a time; default 1,024
}

func (l Limits) withDefaults() Limits {
	set(&l.Requests, 10_000)
	set(&l.Body, 256<<10)
	set(&l.Failures, 10)
	set(&l.FailureWindow, time.Minute)
	set(&l.FailureDelay, 500*time.Millisecond)
	set(&l.Verifications, 4)
	set(&l.RememberLogin, time.Minute)
	set(&l.RememberedUsers, 1024)
	return l
}

func set[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Server answers HTTP requests.
type Server struct {
	opts    Options
	log     *slog.Logger
	engine  *gin.Engine
	assets  *assets
	pages   *pages
	gate    *gate
	metrics *httpMetrics
	active  atomic.Int64 // requests being served
	started time.Time
}

// New makes a Server.
func New(opts Options) (*Server, error) {
	if opts.Registry == nil {
		return nil, errors.New("web: no registry")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if len(opts.AllowOrigins) == 0 && len(opts.Users) > 0 {
		opts.AllowOrigins = []string{"*"}
	}
	opts.Limits = opts.Limits.withDefaults()
	s := &Server{opts: opts, log: opts.Logger, metrics: newHTTPMetrics(), started: time.Now()}
	attempts := opts.Attempts
	if attempts == nil {
		attempts = camgate.NewAttempts(opts.Limits.Failures, opts.Limits.FailureWindow)
	}
	s.gate = newGate(opts.Users, attempts, opts.Limits, s.metrics, s.log)
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	if s.pages, err = loadPages(); err != nil {
		return nil, fmt.Errorf("web: pages: %w", err)
	}
	s.engine = s.routes()
	return s, nil
}

// Handler returns the server's handler, for a server of one's own.
func (s *Server) Handler() http.Handler { return s.engine }
