package rtsp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/burst"
	"github.com/camgate/camgate/ingest/unpack"
)

// Options shape a Server. Registry is needed; for the rest the zero value works.
type Options struct {
	Address string // TCP; default 127.0.0.1:8554
	// RTPAddress and RTCPAddress are the UDP ports, an even one and the one after
	// it. Both empty: no UDP.
	RTPAddress, RTCPAddress string
	// TLSAddress is for RTSPS, default 127.0.0.1:8322, when there is a TLSConfig.
	TLSAddress string
	TLSConfig  *tls.Config

	Registry *camgate.Registry
	// Variants makes JPEG of the pictures of NAME/mjpeg; nil: there are none.
	Variants camgate.Variants
	Users    camgate.Users // none: everybody may do everything
	// Attempts counts wrong passwords together with other protocols; nil: RTSP has
	// its own count.
	Attempts *camgate.Attempts

	// StartTimeout is how long a request waits for a stream that is not ready yet;
	// default 10 s.
	StartTimeout time.Duration
	// ReaderTimeout is how long a viewer may take nothing at all before it is sent
	// away; default 10 s. One that is slow only misses pictures.
	ReaderTimeout time.Duration
	// MaxConns bounds the connections of each port; default 2,000.
	MaxConns int
	Logger   *slog.Logger

	udpMode burst.Mode // forced by tests
}

func (o Options) withDefaults() Options {
	if o.Address == "" {
		o.Address = "127.0.0.1:8554"
	}
	if o.TLSAddress == "" {
		o.TLSAddress = "127.0.0.1:8322"
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 10 * time.Second
	}
	if o.ReaderTimeout == 0 {
		o.ReaderTimeout = 10 * time.Second
	}
	if o.MaxConns == 0 {
		o.MaxConns = 2000
	}
	if o.Attempts == nil {
		o.Attempts = camgate.NewAttempts(0, 0)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Server serves the streams of a registry to RTSP viewers, and takes streams from
// RTSP publishers.
type Server struct {
	opts  Options
	log   *slog.Logger
	cname string // of the sender reports: RFC 7022 section 4.2, per server

	ctx    context.Context // of all sessions: the library's callbacks have none
	cancel context.CancelFunc
	plain  *endpoint
	secure *endpoint // nil: no RTSPS
	udp    *udpPorts // nil: no UDP

	logins  chan struct{} // one for each password that is being verified
	scratch scratchPool
	units   unpack.Pool
	lanes   lanes
	playing sync.WaitGroup // the goroutines of viewers and lanes
}

// maxLogins is how many passwords are verified at a time: with as many by HTTP less
// than the wrong ones that an address is permitted.
const maxLogins = 4

// New makes a server and opens its ports. An error names the port and the key of
// the configuration that it comes from. Run has to follow: it closes the ports.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	id := make([]byte, 12)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	s := &Server{opts: o, log: o.Logger, cname: base64.RawURLEncoding.EncodeToString(id), logins: make(chan struct{}, maxLogins)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var err error
	if s.plain, err = s.open("rtsp.address", o.Address, nil); err != nil {
		s.cancel()
		return nil, err
	}
	if o.TLSConfig != nil {
		if s.secure, err = s.open("rtsp.tls_address", o.TLSAddress, o.TLSConfig); err != nil {
			s.cancel()
			s.plain.lib.Close()
			return nil, err
		}
	}
	return s, nil
}

// open starts one server of the library.
func (s *Server) open(key, address string, secure *tls.Config) (*endpoint, error) {
	e := &endpoint{server: s}
	e.lib = &gortsplib.Server{
		Handler:     e,
		RTSPAddress: address,
		// The library writes nothing but responses.
		WriteTimeout: s.opts.ReaderTimeout, DisableRTCPSenderReports: true,
		// What it keeps of them for each reader is never used.
		WriteQueueSize: 8, MaxPacketSize: maxRTCP,
		AuthMethods: authMethods(s.opts.Users),
		// TLS is ours: the library would offer SRTP inside of it as well.
		Listen: func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			e.listener = &listener{Listener: l, tls: secure, max: s.opts.MaxConns, conns: map[*conn]struct{}{}}
			return e.listener, nil
		},
	}
	if secure == nil && s.opts.RTPAddress != "" {
		s.udp = &udpPorts{mode: s.opts.udpMode}
		e.lib.UDPRTPAddress, e.lib.UDPRTCPAddress = s.opts.RTPAddress, s.opts.RTCPAddress
		e.lib.ListenPacket = s.udp.listen
	}
	checkSeldom(e.lib)
	if err := e.lib.Start(); err != nil {
		return nil, err
	}
	return e, nil
}

// maxRTCP is enough for the receiver reports that the library sends to publishers.
const maxRTCP = 256

// checkSeldom has the library look less often for UDP sessions whose client is
// gone: each has a timer of its own, and with a hundred of them the gateway is woken
// every 10 ms. The library has no option for it; if it should call it by another
// name one day, it looks each second as before.
func checkSeldom(lib *gortsplib.Server) {
	f := reflect.ValueOf(lib).Elem().FieldByName("checkStreamPeriod")
	if f.IsValid() && f.Type() == reflect.TypeFor[time.Duration]() {
		*(*time.Duration)(f.Addr().UnsafePointer()) = checkPeriod
	}
}

// checkPeriod is how late the end of a UDP session may be noticed, of which nothing
// has come for the library's 60 s.
const checkPeriod = 5 * time.Second

// Addr returns the address of the RTSP port.
func (s *Server) Addr() *net.TCPAddr { return s.plain.listener.Addr().(*net.TCPAddr) }

// TLSAddr returns the address of the RTSPS port, or nil.
func (s *Server) TLSAddr() *net.TCPAddr {
	if s.secure == nil {
		return nil
	}
	return s.secure.listener.Addr().(*net.TCPAddr)
}

// Run serves until ctx ends or a port fails, and returns when all sessions are
// gone. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 2)
	var waiting sync.WaitGroup
	for _, e := range s.endpoints() {
		waiting.Go(func() { failed <- e.lib.Wait() })
	}
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case cause := <-failed:
		err = fmt.Errorf("rtsp: %w", cause)
	}
	s.cancel()
	for _, e := range s.endpoints() {
		e.listener.closeConns()
		e.lib.Close()
	}
	waiting.Wait()
	s.playing.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *Server) endpoints() []*endpoint {
	if s.secure == nil {
		return []*endpoint{s.plain}
	}
	return []*endpoint{s.plain, s.secure}
}

// authMethods are what clients are offered. A password that is stored as a hash
// can only be checked when it comes in the clear.
func authMethods(users camgate.Users) []auth.VerifyMethod {
	for _, u := range users {
		if u.Verify != nil {
			return []auth.VerifyMethod{auth.VerifyMethodBasic}
		}
	}
	return []auth.VerifyMethod{auth.VerifyMethodBasic, auth.VerifyMethodDigestMD5}
}
