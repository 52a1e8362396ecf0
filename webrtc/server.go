package webrtc

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/unpack"
)

// shutdownGrace is how long sessions have for goodbyes when the gateway ends.
const shutdownGrace = 400 * time.Millisecond

// Server is the WebRTC output of a gateway.
type Server struct {
	opts    Options
	log     *slog.Logger
	logs    libraryLog
	ports   *ports
	batches *batchPool
	units   unpack.Pool // of pictures that are published
	certs   certificates
	addrs   *advertiser

	joined, resent atomic.Uint64
	received       reception

	viewers, publishers endpoint

	mu         sync.Mutex
	closed     bool
	pending    int // sessions being made
	handshakes map[string]invitation
	running    sync.WaitGroup
}

// New binds the ports. Run has to be called to give them back.
func New(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if opts.UDPAddress == "" && opts.TCPAddress == "" {
		return nil, errors.New("webrtc.address: neither UDP nor TCP is to be used")
	}
	s := &Server{
		opts: opts,
		log:  opts.Logger,
		logs: libraryLog{log: opts.Logger},

		addrs:      newAdvertiser(opts.Hosts, opts.LoopbackOnly, opts.Logger),
		handshakes: map[string]invitation{},
	}
	s.viewers = endpoint{members: map[string]member{}, make: s.watch, deleted: errDeleted}
	s.publishers = endpoint{members: map[string]member{}, make: s.publish, deleted: errUnpublished}
	if _, err := s.certs.get(time.Now()); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	var err error
	if s.ports, err = listen(opts, s.logs); err != nil {
		return nil, err
	}
	s.batches = newBatchPool(s.ports.bursts())
	return s, nil
}

// Run serves until ctx ends, then ends all sessions and waits for them. It takes no
// longer than shutdownGrace and what the machine needs, whatever viewers do.
func (s *Server) Run(ctx context.Context) error {
	s.explain(s.opts.root)
	var names sync.WaitGroup
	names.Go(func() { s.addrs.run(ctx, s.opts.HostsRefresh) })
	defer names.Wait()
	<-ctx.Done()
	s.mu.Lock()
	s.closed = true
	for _, e := range []*endpoint{&s.viewers, &s.publishers} {
		for _, m := range e.members {
			m.base().end(errShutdown)
		}
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.running.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(shutdownGrace):
	}
	s.ports.close() // who still says goodbye does it in vain
	<-ended
	return nil
}

// Sessions returns the number of viewers' sessions, connected or about to be.
func (s *Server) Sessions() int { return s.count(&s.viewers) }

func (s *Server) count(e *endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(e.members)
}

// Stats are counters for metrics.
type Stats struct {
	Sessions int
	Joined   uint64 // viewers that connected
	Resent   uint64 // packets that viewers missed

	Publishers int    // sessions
	Received   uint64 // packets of media, of those who publish
	Missed     uint64 // of theirs, that never came
	Asked      uint64 // of theirs, that were asked for once more
	Keyframes  uint64 // that they were asked for

	SendMode string // how datagrams are sent: "gso", "sendmmsg", "plain"; empty: no UDP
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	st := Stats{Sessions: s.Sessions(), Publishers: s.count(&s.publishers), Joined: s.joined.Load(), Resent: s.resent.Load()}
	s.received.fill(&st)
	if b := s.ports.bursts(); b != nil {
		st.SendMode = b.Mode().String()
	}
	return st
}

// reserve takes a place for a session; release gives it back when none came of it.
func (s *Server) reserve() (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, errShutdown
	case len(s.viewers.members)+len(s.publishers.members)+s.pending >= s.opts.MaxSessions:
		return nil, fmt.Errorf("%w: the limit is %d WebRTC sessions", camgate.ErrTooManyReaders, s.opts.MaxSessions)
	}
	s.pending++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pending--
	}, nil
}

// open makes a session and returns it with the answer.
func (s *Server) open(r *http.Request, stream *camgate.Stream, o *offer, p *plan) (*session, string, error) {
	x := &session{resource: newResource(s, stream, o, p), now: p}
	x.signalling.claims = claims{}
	for i := range o.sections {
		x.signalling.claims.add(o.sections[i].candidates)
	}
	x.smaller = s.smaller(stream, p)
	if x.observed = len(x.smaller) > 0 || s.opts.Adapts != nil && s.opts.Adapts(stream); x.observed {
		x.transport.onArrivals = x.arrivals
	} else {
		p.unstamp() // 8 bytes of each packet, and reports, that nobody needs
	}
	x.transport.onClose, x.transport.onRTCP, x.transport.onPath = x.end, x.feedback, x.follow
	cname := random(8)
	for _, route := range p.routes {
		x.lanes = append(x.lanes, newLane(route, cname))
	}
	var answer string
	var err error
	if p.mic != nil {
		x.mic, err = newMicrophone(x, r.RemoteAddr)
	}
	if err == nil {
		answer, err = x.answer(r, x.lanes, x.mic.handler())
	}
	if err == nil && len(p.routes) > 0 {
		err = x.subscribe(r.RemoteAddr)
	}
	if err == nil {
		err = s.start(&s.viewers, x)
	}
	if err != nil {
		p.end()
		x.end(err)
		x.mic.shut()
		x.transport.close()
		x.mic.wait()
		if r := x.reader.Load(); r != nil {
			r.Close()
		}
		return nil, "", err
	}
	return x, answer, nil
}

// candidates are where the viewer can reach the ports, best first.
func (s *Server) candidates(r *http.Request) (out []string) {
	if p := s.ports.udpAddr; p != nil {
		for i, ip := range s.addrs.addresses(r, p.IP) {
			out = append(out, candidateLine("udp", ip, p.Port, i))
		}
	}
	if p := s.ports.tcpAddr; p != nil {
		for i, ip := range s.addrs.addresses(r, p.IP) {
			out = append(out, candidateLine("tcp", ip, p.Port, i))
		}
	}
	return out
}

// random returns n random bytes in hex.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

func randomUint32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:])
}
