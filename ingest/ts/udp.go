package ts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// Scheme is that of URLs: udp+mpegts://ADDRESS:PORT?interface=NAME
const Scheme = "udp+mpegts"

const (
	defaultTimeout = 10 * time.Second
	knockTimeout   = 1500 * time.Millisecond
	udpBuffer      = 2 << 20 // bytes; a keyframe comes as one burst
)

// Options describe a stream that somebody sends to us. Only URL is needed.
type Options struct {
	// URL names the address of this machine, or a multicast group, and the port. For a
	// group, interface names the interface that joins it; default: the system's choice.
	URL     *url.URL
	Name    string        // how the source describes itself; default: the URL
	Timeout time.Duration // without a datagram; default 10 s
}

// Source receives a transport stream by UDP. It implements camgate.Source and
// camgate.Knocker.
type Source struct {
	name    string
	address string
	device  string // empty: the system's choice
	timeout time.Duration
}

// New makes a source. It fails when the URL makes no sense.
func New(o Options) (*Source, error) {
	if o.URL == nil || o.URL.Scheme != Scheme {
		return nil, errors.New("not a URL of udp+mpegts")
	}
	if o.URL.Port() == "" {
		return nil, fmt.Errorf("it names no port: write %s://ADDRESS:PORT", Scheme)
	}
	query := o.URL.Query()
	s := &Source{name: o.Name, address: o.URL.Host, device: query.Get("interface"), timeout: o.Timeout}
	if s.name == "" {
		s.name = o.URL.Redacted()
	}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	if ip := net.ParseIP(o.URL.Hostname()); s.device != "" && (ip == nil || !ip.IsMulticast()) {
		return nil, errors.New("an interface joins multicast groups, and the address is none (224.0.0.0 to 239.255.255.255, ff00::/8)")
	}
	for key := range query {
		if key != "interface" {
			return nil, errors.New("the only parameter there is, is interface")
		}
	}
	return s, nil
}

// String returns the name of the source.
func (s *Source) String() string { return s.name }

// Knock tells whether somebody sends.
func (s *Source) Knock(ctx context.Context) error {
	conn, err := s.listen(ctx)
	if err != nil {
		return translate(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(knockTimeout))
	_, err = conn.Read(make([]byte, Packet))
	return translate(err)
}

func (s *Source) listen(ctx context.Context) (*net.UDPConn, error) {
	address, err := net.ResolveUDPAddr("udp", s.address)
	if err != nil {
		return nil, err
	}
	var conn *net.UDPConn
	if address.IP.IsMulticast() {
		var device *net.Interface
		if s.device != "" {
			if device, err = net.InterfaceByName(s.device); err != nil {
				return nil, err
			}
		}
		conn, err = net.ListenMulticastUDP("udp", device, address)
	} else {
		var packet net.PacketConn
		if packet, err = new(net.ListenConfig).ListenPacket(ctx, "udp", s.address); err == nil {
			conn = packet.(*net.UDPConn)
		}
	}
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(udpBuffer) // as much as the system allows
	return conn, nil
}

// Run makes one attempt.
func (s *Source) Run(ctx context.Context, stream *camgate.Stream) error {
	conn, err := s.listen(ctx)
	if err != nil {
		return translate(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // ends the read that waits
	defer stop()
	err = receive(newDatagrams(conn, s.timeout), stream)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return translate(err)
}

// receive publishes what comes until that ends.
func receive(in *datagrams, stream *camgate.Stream) error {
	out := session{in: in}
	for out.demuxer == nil {
		d, err := NewDemuxer(in, out.sample)
		switch {
		case in.err != nil:
			return in.err
		case err == nil:
			out.demuxer = d
		}
		// Else it began in the middle of something that cannot be read: try again with
		// what comes next.
	}
	return out.publish(stream)
}

// session is what is published of one reception.
type session struct {
	in      *datagrams // nil: nothing gets lost
	demuxer *Demuxer
	writer  *ingest.Writer
	began   bool
	last    int64 // timestamp that was unwrapped last, of any track
}

// sample hands on an access unit. What cannot be used of the stream is left out.
func (s *session) sample(sm Sample) {
	track, lost := s.writer.Tracks()[sm.Track], 0
	if s.in != nil {
		lost = s.in.gaps(s.demuxer.pids[sm.Track])
	}
	_ = s.writer.Write(ingest.Sample{
		Track: sm.Track,
		PTS:   rescale(s.unwrap(sm.PTS), Clock, track.ClockRate),
		AU:    sm.AU,
		Lost:  lost,
	})
}

// unwrap continues timestamps over their wrap, those of all tracks from one moment.
func (s *session) unwrap(ts int64) int64 {
	if !s.began {
		s.began, s.last = true, ts
	}
	const half = Wrap / 2
	s.last += (ts-s.last+half)&(Wrap-1) - half
	return s.last
}

// translate gives an error of the network its place among the errors of camgate.
func translate(err error) error {
	var at *camgate.StreamError
	switch {
	case err == nil, errors.As(err, &at), errors.Is(err, camgate.ErrNoVideoTrack):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: nobody sends anything", camgate.ErrTimeout)
	}
	return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
}
