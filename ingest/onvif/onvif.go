// Package onvif asks cameras that speak ONVIF where their streams are, and finds them
// in the network. What it has found is taken by other packages: an RTSP URL, or that
// of a picture.
package onvif

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/httpauth"
	"github.com/camgate/camgate/ingest/trust"
)

// The schemes of a camera's URL.
const (
	Scheme  = "onvif"
	SchemeS = "onvifs" // through TLS
)

// DefaultPath is where ONVIF's device service is (ONVIF Core 5.1.1).
const DefaultPath = "/onvif/device_service"

const (
	defaultTimeout = 5 * time.Second
	knockTimeout   = 2 * time.Second
	// wrongClock is from what difference on the log tells of a camera's clock.
	wrongClock = time.Minute
)

// Options describe a camera. Only URL is needed.
type Options struct {
	// URL is onvif://USER:PASSWORD@HOST:PORT/PATH?profile=P. Port 80, with TLS 443; P is
	// the token, the name or the number of a profile (the first is 1), by default the
	// first one with H264 or H265. With stills=true the URL of the profile's single
	// pictures is asked for, in place of its stream.
	URL     *url.URL
	Timeout time.Duration // of each request; default 5 s
	TLS     *trust.Dialer // nil: trust whom this machine trusts
	// Dial connects by TCP; default: the network of this machine.
	Dial   trust.DialFunc
	Logger *slog.Logger
}

// Resolver finds out where a camera's stream is. It is safe for use by several
// goroutines.
type Resolver struct {
	opts    Options
	device  *url.URL // the device service, without the user
	user    *url.Userinfo
	profile string
	stills  bool

	other atomic.Bool                   // the other way to log in has been tried
	told  atomic.Pointer[string]        // the last correction in the log
	clock atomic.Pointer[time.Duration] // the last difference in the log
}

// Target is where pictures come from.
type Target struct {
	URL     *url.URL // with user and password where the host may have them
	Profile Profile
	Stills  bool // URL is that of a single picture
}

// New makes a resolver. It fails when the URL makes no sense.
func New(o Options) (*Resolver, error) {
	if o.URL == nil || o.URL.Hostname() == "" {
		return nil, errors.New("an ONVIF camera's URL needs a host: onvif://HOST")
	}
	r := &Resolver{user: o.URL.User, device: &url.URL{Scheme: "http", Host: o.URL.Host, Path: o.URL.Path, RawPath: o.URL.RawPath}}
	switch strings.ToLower(o.URL.Scheme) {
	case Scheme:
	case SchemeS:
		r.device.Scheme = "https"
	default:
		return nil, fmt.Errorf("%q is no scheme of an ONVIF camera: use onvif or onvifs", o.URL.Scheme)
	}
	if r.device.Path == "" || r.device.Path == "/" {
		r.device.Path, r.device.RawPath = DefaultPath, ""
	}
	var err error
	if r.profile, r.stills, err = ParseQuery(o.URL.RawQuery); err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.TLS == nil {
		if o.TLS, err = trust.New(trust.Options{Logger: o.Logger}); err != nil {
			return nil, err
		}
	}
	r.opts = o
	return r, nil
}

// ParseQuery reads what may follow the question mark of a camera's URL.
func ParseQuery(query string) (profile string, stills bool, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", false, errors.New("what follows the question mark is no query: write ?profile=2")
	}
	for key, value := range values {
		switch {
		case key == "profile" && len(value) == 1 && value[0] != "":
			profile = value[0]
		case key == "stills" && len(value) == 1 && (value[0] == "true" || value[0] == "false"):
			stills = value[0] == "true"
		default:
			return "", false, errors.New("an ONVIF URL takes ?profile=TOKEN (or name, or number) and stills=true, and nothing else")
		}
	}
	return profile, stills, nil
}

// Knock tells whether the camera takes connections.
func (r *Resolver) Knock(ctx context.Context) error {
	return translate(r.reach(ctx, net.JoinHostPort(r.device.Hostname(), portOf(r.device))))
}

// reach connects, and no more.
func (r *Resolver) reach(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	conn, err := r.opts.Dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Resolve asks the camera. Its errors tell what is to be done, without a password.
func (r *Resolver) Resolve(ctx context.Context) (Target, error) {
	c := r.newClient()
	defer c.transport.CloseIdleConnections()
	target, err := c.resolve(ctx)
	if ctx.Err() != nil {
		return Target{}, ctx.Err()
	}
	fault := (*faultError)(nil)
	if errors.As(err, &fault) {
		return Target{}, fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
	}
	return target, translate(err)
}

// Profiles returns what the camera offers.
func (r *Resolver) Profiles(ctx context.Context) ([]Profile, error) {
	c := r.newClient()
	defer c.transport.CloseIdleConnections()
	if err := c.readClock(ctx); err != nil {
		return nil, translate(err)
	}
	m, err := c.services(ctx)
	if err != nil {
		return nil, translate(err)
	}
	list, err := c.profiles(ctx, m)
	return list, translate(err)
}

func (r *Resolver) newClient() *client {
	password, _ := r.user.Password()
	only1 := new(http.Protocols)
	only1.SetHTTP1(true)
	return &client{
		resolver: r,
		transport: &http.Transport{
			DialContext: r.opts.Dial,
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, _, err := r.opts.TLS.Dial(ctx, network, address, r.opts.Dial)
				if err != nil {
					return nil, err // no *tls.Conn that is nil
				}
				return conn, nil
			},
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
			// Cameras close connections that they said they would keep, and what was asked
			// then cannot be asked again by rule.
			DisableKeepAlives: true,
			Protocols:         only1,
		},
		credentials: httpauth.Credentials{User: r.user.Username(), Password: password},
	}
}

// ask is call with a limit of time.
func (c *client) ask(ctx context.Context, r request) (*element, error) {
	ctx, cancel := context.WithTimeout(ctx, c.resolver.opts.Timeout)
	defer cancel()
	return c.call(ctx, r)
}

func (c *client) resolve(ctx context.Context) (Target, error) {
	if err := c.readClock(ctx); err != nil {
		return Target{}, err
	}
	m, err := c.services(ctx)
	if err != nil {
		return Target{}, err
	}
	list, err := c.profiles(ctx, m)
	if err != nil {
		return Target{}, err
	}
	profile, err := choose(list, c.resolver.profile)
	if err != nil {
		return Target{}, err
	}
	t := Target{Profile: profile, Stills: c.resolver.stills}
	text, err := c.uri(ctx, m, profile, t.Stills)
	if err != nil {
		return Target{}, err
	}
	t.URL, err = c.resolver.usable(ctx, text, t.Stills)
	return t, err
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	case u.Scheme == "rtsps":
		return "322"
	case u.Scheme == "rtsp":
		return "554"
	}
	return "80"
}
