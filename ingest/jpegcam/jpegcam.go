// Package jpegcam takes JPEG pictures from cameras and printers: as an endless HTTP
// answer (multipart/x-mixed-replace, or files one after the other), as stills that
// are asked for again and again, and by the TLS protocol of Bambu Lab's A1 and P1
// printers. Each becomes a stream of one MJPEG track.
package jpegcam

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/trust"
)

// The schemes of a source's URL.
const (
	SchemeMJPEG  = "http+mjpeg" // one answer that does not end
	SchemeMJPEGS = "https+mjpeg"
	SchemeJPEG   = "http+jpeg" // one answer a picture
	SchemeJPEGS  = "https+jpeg"
	SchemeBambu  = "bambu" // bambu://CODE@HOST
)

const (
	defaultTimeout = 10 * time.Second
	knockTimeout   = 2 * time.Second
	// maxPicture is the bound of ingest.Writer, too.
	maxPicture = 8 << 20
)

// Options describe a camera. Only URL is needed.
type Options struct {
	// URL names the scheme, the host, and what else the scheme wants: a path, user and
	// password; for bambu the access code in place of the user.
	URL *url.URL
	// Name is how the source describes itself; default: the URL without user and query.
	Name string
	// Interval is the time from one still to the next; default 1 s.
	Interval time.Duration
	// Repeat is after what time a still that has not changed is published again: who
	// waits for pictures sees that the camera is there. Default 2 s.
	Repeat time.Duration
	// MaxPicture bounds a picture in bytes; default, and at the most, 8 MiB.
	MaxPicture int
	// Timeout bounds the connection, the wait for an answer, and a still; default 10 s.
	Timeout time.Duration
	TLS     *trust.Dialer // for https and bambu; nil: as trust.Options without any
	// Dial connects by TCP; default: the network of this machine.
	Dial trust.DialFunc
}

// Source pulls from a camera. It implements camgate.Source and camgate.Knocker.
type Source struct {
	opts    Options
	url     *url.URL // as it is asked for: without the user, http or https as the scheme
	user    string
	secret  string
	address string // host and port
	run     func(ctx context.Context, stream *camgate.Stream) error
}

// New makes a source. It fails when the URL makes no sense.
func New(o Options) (*Source, error) {
	if o.URL == nil || o.URL.Hostname() == "" {
		return nil, errors.New("a camera's URL needs a host")
	}
	u := *o.URL
	s := &Source{url: &u}
	port := "80"
	switch u.Scheme = strings.ToLower(u.Scheme); u.Scheme {
	case SchemeMJPEG, SchemeMJPEGS:
		s.run = s.runMultipart
	case SchemeJPEG, SchemeJPEGS:
		s.run = s.runStills
	case SchemeBambu:
		port, s.run = bambuPort, s.runBambu
	default:
		return nil, fmt.Errorf("%q is no scheme of a camera that sends JPEG", u.Scheme)
	}
	if o.Name == "" {
		o.Name = u.Scheme + "://" + u.Host + u.EscapedPath()
	}
	u.Scheme, _, _ = strings.Cut(u.Scheme, "+")
	if u.Scheme == "https" {
		port = "443"
	}
	if u.Port() != "" {
		port = u.Port()
	}
	s.address = net.JoinHostPort(u.Hostname(), port)
	s.user = u.User.Username()
	s.secret, _ = u.User.Password()
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	var err error
	if s.opts, err = o.withDefaults(); err != nil {
		return nil, err
	}
	if u.Scheme == SchemeBambu {
		return s, s.checkBambu()
	}
	return s, nil
}

func (o Options) withDefaults() (_ Options, err error) {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Repeat <= 0 {
		o.Repeat = 2 * time.Second
	}
	if o.MaxPicture <= 0 || o.MaxPicture > maxPicture {
		o.MaxPicture = maxPicture
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Dial == nil {
		// A camera that lost its power says no goodbye.
		alive := net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3}
		o.Dial = (&net.Dialer{KeepAliveConfig: alive}).DialContext
	}
	if o.TLS == nil {
		o.TLS, err = trust.New(trust.Options{})
	}
	return o, err
}

// String returns the name of the source, without secrets.
func (s *Source) String() string { return s.opts.Name }

// Knock tells whether the camera takes connections.
func (s *Source) Knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	conn, err := s.opts.Dial(ctx, "tcp", s.address)
	if err != nil {
		return translate(err)
	}
	return conn.Close()
}

// dialTLS connects with TLS.
func (s *Source) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	conn, _, err := s.opts.TLS.Dial(ctx, network, address, s.opts.Dial)
	if err != nil {
		return nil, err // no *tls.Conn that is nil
	}
	return conn, nil
}

// dial connects without TLS.
func (s *Source) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	return s.opts.Dial(ctx, network, address)
}

// Run makes one attempt.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	err := s.run(ctx, stream)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return translate(err)
}

// session is what is published of one connection.
type session struct {
	writer *ingest.Writer
	clock  clock
}

func newSession(stream *camgate.Stream) (*session, error) {
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
	if err != nil {
		return nil, err
	}
	w, err := ingest.NewWriter(stream, []*camgate.Track{track})
	if err != nil {
		return nil, err
	}
	return &session{writer: w, clock: clock{began: time.Now()}}, nil
}

// publish hands on a picture that came now. What cannot be used of one is left out.
func (s *session) publish(p picture) {
	at := s.clock.time(time.Now(), p.stamp)
	_ = s.writer.Write(ingest.Sample{PTS: s.writer.Tracks()[0].Ticks(at), AU: [][]byte{p.jpeg}})
}

func (s *session) close() { s.writer.Close() }
