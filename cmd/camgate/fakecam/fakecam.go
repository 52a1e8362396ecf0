// Package fakecam is a camera that misbehaves as it is told. It serves a clip by
// RTSP or RTSPS, and shares no code with what it is there to test: the RTSP
// server, the packetizers and the RTCP are its own.
package fakecam

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

// Options describe a camera. The zero value is a healthy one on a port of its own,
// but for the clip, which has to be given.
type Options struct {
	// Listen is HOST:PORT; empty means 127.0.0.1:0.
	Listen string
	// Path is that of the stream; empty means /cam.
	Path string
	// Clip is a progressive MP4 file with H264 or H265, and AAC or Opus.
	Clip []byte
	// SecondClip is what sps-change shows; empty means a test pattern.
	SecondClip []byte
	// TLS makes it an RTSPS camera, with a certificate of its own.
	TLS bool
	// Certificate takes the place of the one that is made.
	Certificate *tls.Certificate
	// CommonName is the name in the certificate that is made; empty means fakecam.
	CommonName string
	// User and Password are asked for when User is not empty.
	User, Password string
	// Faults are what is wrong with it: NAME or NAME=ARG,ARG. See List.
	Faults []string
	// SessionTimeout is after what time without a sign of life a session ends; 0
	// means 60 s. Requests and receiver reports are signs of life.
	SessionTimeout time.Duration
	// ReportInterval is the time between sender reports; 0 means 5 s.
	ReportInterval time.Duration
	// BackChannel is the law of the camera's loudspeaker, pcmu or pcma; empty: it has none.
	BackChannel string
	// Heard is told what comes to it, in a goroutine of the session; nil: nobody is.
	Heard func(Heard)
	// Seed makes what is lost, and how late things come, the same each time; 0 means
	// that it differs.
	Seed uint64
	// Logger is told what happens; nil means nobody is.
	Logger *slog.Logger
}

// Cam is a camera. Its methods may be called at any time, from any goroutine.
type Cam struct {
	opts   Options
	clip   *clip
	second *clip
	tls    *tls.Config
	addr   string // HOST:PORT, the same after Return
	stats  stats

	mu        sync.Mutex
	faults    faults
	changed   chan struct{} // closed when the faults change
	listener  net.Listener  // nil while the camera is away
	wake      chan struct{} // closed when the listener changes
	backAt    time.Time     // when a camera that left for a time returns
	up        time.Time     // since when it is there
	holdUntil time.Time     // hold-port
	conns     map[*conn]struct{}
	done      bool
}

// New checks the options and opens the port, which Run closes.
func New(o Options) (*Cam, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Path == "" {
		o.Path = "/cam"
	}
	if o.SessionTimeout == 0 {
		o.SessionTimeout = time.Minute
	}
	if o.ReportInterval == 0 {
		o.ReportInterval = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if !strings.HasPrefix(o.Path, "/") {
		return nil, fmt.Errorf("path %q: it has to begin with /", o.Path)
	}
	if o.Password != "" && o.User == "" {
		return nil, errors.New("there is a password, but no user")
	}
	c := &Cam{
		opts: o, changed: make(chan struct{}), wake: make(chan struct{}),
		conns: map[*conn]struct{}{}, up: time.Now(),
	}
	if o.BackChannel != "" && o.BackChannel != "pcmu" && o.BackChannel != "pcma" {
		return nil, fmt.Errorf("back channel %q: it is pcmu or pcma", o.BackChannel)
	}
	var err error
	if c.clip, err = loadClip(o.Clip); err != nil {
		return nil, fmt.Errorf("clip: %w", err)
	}
	if len(o.SecondClip) > 0 {
		if c.second, err = loadClip(o.SecondClip); err != nil {
			return nil, fmt.Errorf("second clip: %w", err)
		}
	}
	if c.second != nil && (c.second.video == nil || c.clip.video == nil || c.second.video.codec != c.clip.video.codec) {
		return nil, errors.New("second clip: its pictures have another codec than those of the clip")
	}
	if err := c.Set(o.Faults...); err != nil {
		return nil, err
	}
	if o.TLS {
		if c.tls, err = tlsConfig(o); err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
	}
	if c.listener, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.Listen, err)
	}
	c.addr = c.listener.Addr().String()
	return c, nil
}

// Run serves until the context ends, and returns when all has ended that it began.
// It is to be called once.
func (c *Cam) Run(ctx context.Context) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ending := make(chan struct{})
	serving.Go(func() {
		defer close(ending)
		<-ctx.Done()
		c.end()
	})
	defer func() { cancel(); <-ending }()
	for {
		l, err := c.present(ctx)
		if l == nil {
			return err
		}
		for {
			nc, err := l.Accept()
			if err != nil {
				break
			}
			k := c.welcome(nc)
			if k == nil {
				continue
			}
			serving.Go(func() {
				defer c.farewell(k)
				k.run(ctx)
			})
		}
		if err := c.lost(l); err != nil {
			return err
		}
	}
}

func (c *Cam) end() {
	c.mu.Lock()
	c.done = true
	l := c.listener
	c.listener = nil
	conns := c.open()
	c.mu.Unlock()
	if l != nil {
		l.Close()
	}
	for _, k := range conns {
		k.close()
	}
}

// open lists the connections. The caller holds the lock.
func (c *Cam) open() (conns []*conn) {
	for k := range c.conns {
		conns = append(conns, k)
	}
	return conns
}

// welcome takes a connection; nil when the camera is not there any more.
func (c *Cam) welcome(nc net.Conn) *conn {
	k := newConn(c, nc)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener == nil {
		k.reset()
		return nil
	}
	c.conns[k] = struct{}{}
	k.number = c.stats.connected()
	c.opts.Logger.Info("connection", "remote", nc.RemoteAddr().String())
	return k
}

func (c *Cam) farewell(k *conn) {
	k.close()
	c.mu.Lock()
	delete(c.conns, k)
	c.mu.Unlock()
	c.stats.disconnected()
}

// URL is where the camera is, without a password.
func (c *Cam) URL() string {
	scheme := "rtsp"
	if c.opts.TLS {
		scheme = "rtsps"
	}
	return scheme + "://" + c.addr + c.opts.Path
}

// Set gives the camera more faults, from now on and in sessions that are open too.
// A fault that it has already begins anew. Nothing is changed when one is invalid.
func (c *Cam) Set(texts ...string) error {
	now := time.Now()
	var more []*fault
	for _, text := range texts {
		f, err := parseFault(text, now)
		switch {
		case err != nil:
			return err
		case f.needs == "user" && c.opts.User == "":
			return &InvalidFaultError{text, "there is no user whose password it could be about"}
		case f.needs == "tls" && !c.opts.TLS:
			return &InvalidFaultError{text, "the camera has no TLS"}
		case f.name == "sps-change" && c.second == nil && c.clip.video != nil && c.clip.video.codec != codecH264:
			return &InvalidFaultError{text, "the test pattern is H264, a clip in H265 needs a second one"}
		}
		for _, other := range more {
			if f.group != "" && other.group == f.group && other.name != f.name {
				return &InvalidFaultError{text, "it does not go with " + other.name}
			}
		}
		more = append(more, f)
	}
	c.change(func(fs faults) faults { return fs.with(more) })
	return nil
}

// Clear takes faults away; without a name, all of them.
func (c *Cam) Clear(names ...string) {
	c.change(func(fs faults) faults {
		if len(names) == 0 {
			return faults{}
		}
		return fs.without(names)
	})
}

func (c *Cam) change(f func(faults) faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f(c.faults)
	close(c.changed)
	c.changed = make(chan struct{})
}

// current returns the faults and what is closed when they change.
func (c *Cam) current() (faults, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults, c.changed
}

func (c *Cam) upSince() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}
