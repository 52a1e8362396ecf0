package webrtc

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v4/packetio"
	pion "github.com/pion/webrtc/v4"
)

const (
	// maxSources bounds the sources (SSRC) that a viewer may send or name; each costs
	// memory. Two or three are usual.
	maxSources = 32
	// sourceBuffer is how many bytes of RTCP wait to be read.
	sourceBuffer = 16 << 10
	mediaBuffer  = 1 << 20 // and of media, of one who publishes
)

// transport is the connection to one viewer: a PeerConnection for all but the bulk
// of media, which goes straight to the sockets.
type transport struct {
	ports *ports
	pc    *pion.PeerConnection
	keys  exporter
	path  atomic.Pointer[path] // where media goes; nil: not connected

	receives bool // media
	ours     peer // of ICE, where the viewer knows it already

	onClose func(error)         // the viewer is gone; may be called more than once
	onRTCP  func([]rtcp.Packet) // what the viewer reports
	// onArrivals takes feedback on the transport: one packet; nil: it is not wanted.
	onArrivals func([]byte)
	repairs    []*lane // whose repair sources the library does not know
	onPath     func()  // another path was selected

	connected chan struct{}
	once      sync.Once // closes connected
	sources   atomic.Int32

	rtt        atomic.Int64 // in ns, as measured last
	restarting atomic.Bool  // from an ICE restart to the next path
	held       atomic.Pointer[tcpConn]
	reading    sync.WaitGroup

	// mu guards what follows, and the session's lanes. It is held while packets are made,
	// and not while they are sent: what a viewer reports, and another path to it, do not
	// wait for a viewer that takes nothing. Packets stay in their order, as those of the
	// stream are sent by one goroutine; only what is sent again comes from another one.
	mu    sync.Mutex
	local *srtp.Context // nil: packets are the library's
	// The path whose connection by TCP is away, and since when.
	without *path
	since   time.Time
}

// path is a selected candidate pair.
type path struct {
	udp    bool
	remote netip.AddrPort
	since  time.Time
}

// lostPatience is how long a session by TCP stays when its connection is gone.
const lostPatience = 2 * time.Second

// settle is how long after a path was selected others are only taken that have a
// higher priority: a viewer may nominate several at first. Later, a nomination is
// a change of mind, or of the viewer's network.
const settle = 2 * time.Second

// open makes the PeerConnection of a session. ctx ends a handshake.
func (t *transport) open(ctx context.Context, s *Server, p *plan, lanes []*lane) (err error) {
	t.ports, t.connected = s.ports, make(chan struct{})
	if p.ingest {
		t.pc, err = newReceivingPeer(ctx, s, t, p)
	} else {
		t.repairs = lanes
		t.pc, err = newPeer(ctx, s, t, p, lanes)
	}
	if err != nil {
		return fmt.Errorf("PeerConnection: %w", err)
	}
	t.pc.OnConnectionStateChange(t.state)
	t.ice().OnSelectedCandidatePairChange(t.moved)
	return nil
}

// ice is the one transport of all sections.
func (t *transport) ice() *pion.ICETransport { return t.pc.SCTP().Transport().ICETransport() }

// accept gives the library its part of an offer, and returns its answer.
func (t *transport) accept(part string) (string, error) {
	if err := t.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: part}); err != nil {
		return "", fmt.Errorf("%w: %w", errBadOffer, err)
	}
	answer, err := t.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("PeerConnection: %w", err)
	}
	gathered := pion.GatheringCompletePromise(t.pc)
	if err := t.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("PeerConnection: %w", err)
	}
	<-gathered // at once: nobody is asked
	return answer.SDP, nil
}

func (t *transport) state(s pion.PeerConnectionState) {
	switch s {
	case pion.PeerConnectionStateConnected:
		t.once.Do(func() { close(t.connected) })
	case pion.PeerConnectionStateFailed:
		select {
		case <-t.connected:
			t.onClose(errLost)
		default:
			t.onClose(errNoConnect)
		}
	case pion.PeerConnectionStateClosed:
		t.onClose(errGoodbye)
	}
}

// moves reports whether a connectivity check of the viewer makes its path the
// selected one.
func (t *transport) moves(m *stun.Message, _, remote ice.Candidate, _ *ice.CandidatePair) bool {
	p := t.path.Load()
	return p != nil && m.Contains(stun.AttrUseCandidate) && time.Since(p.since) > settle &&
		p.remote != address(remote.Address(), uint16(remote.Port()))
}

// moved notes the path that is selected now.
func (t *transport) moved(pair *pion.ICECandidatePair) {
	t.path.Store(newPath(pair))
	t.measure()
	t.release()
	if t.onPath != nil {
		t.onPath()
	}
}

// connect waits for the viewer: connectivity checks, then the DTLS handshake.
func (t *transport) connect(ctx context.Context, log *slog.Logger) error {
	select {
	case <-t.connected:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if t.path.Load() == nil { // it was not told yet
		pair, err := t.ice().GetSelectedCandidatePair()
		if err != nil || pair == nil {
			return errLost
		}
		t.path.CompareAndSwap(nil, newPath(pair))
	}
	local, err := t.keys.srtp()
	if err != nil {
		log.Debug("media goes packet by packet", "err", err)
	}
	t.mu.Lock()
	t.local = local
	t.mu.Unlock()
	for _, s := range t.pc.GetSenders() {
		t.reading.Go(func() { t.read(s) })
	}
	return nil
}

// read takes what the viewer reports on one track.
func (t *transport) read(s *pion.RTPSender) {
	buf := make([]byte, receiveMTU)
	for {
		n, _, err := s.Read(buf)
		if err != nil {
			return
		}
		t.take(buf[:n])
	}
}

// take takes a compound packet of the viewer's.
func (t *transport) take(p []byte) {
	others := t.onArrivals == nil
	for rest := p; len(rest) >= 4 && t.onArrivals != nil; {
		n := min((int(binary.BigEndian.Uint16(rest[2:]))+1)*4, len(rest))
		if isTransportCC(rest[:n]) { // often: the library's way makes much garbage
			t.onArrivals(rest[:n])
		} else {
			others = true
		}
		rest = rest[n:]
	}
	if !others {
		return
	}
	if packets, err := rtcp.Unmarshal(p); err == nil {
		t.onRTCP(packets)
	}
}

// reportBuffer takes what a viewer tells of a source that is none of the library's own:
// what is sent again.
type reportBuffer struct {
	*packetio.Buffer
	transport *transport
}

func (b reportBuffer) Write(p []byte) (int, error) {
	b.transport.take(p)
	return len(p), nil
}

// buffer is what the library keeps the packets of a source in.
func (t *transport) buffer(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	if t.sources.Add(1) > maxSources {
		t.onClose(errTooManySources)
	}
	b := packetio.NewBuffer()
	if b.SetLimitSize(sourceBuffer); t.receives && kind == packetio.RTPBufferPacket {
		b.SetLimitSize(mediaBuffer)
	}
	if kind == packetio.RTCPBufferPacket {
		for _, l := range t.repairs {
			if l.repairSSRC == ssrc && ssrc != 0 {
				return reportBuffer{b, t}
			}
		}
	}
	return b
}

// lost tells whether the connection of a path by TCP has been away for long enough: a
// viewer whose network changes has a moment to ask for an ICE restart.
func (t *transport) lost(p *path, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.without != p {
		t.without, t.since = p, now
	}
	return now.Sub(t.since) > lostPatience
}

// send sends a batch and empties it.
func (t *transport) send(b *batch) {
	defer b.reset()
	p := t.path.Load()
	if p == nil || b.empty() {
		return
	}
	if b.library != nil {
		for _, packet := range b.packets {
			_, _ = b.library.Write(packet) // it may always be lost
		}
		return
	}
	if p.udp {
		_ = b.writer.Send(p.remote, b.packets) // a datagram may always be lost
		return
	}
	if c := t.ports.tcp.find(p.remote); (c == nil || c.send(b) != nil) && !t.restarting.Load() && t.lost(p, time.Now()) {
		t.onClose(errLost)
	}
}

// writeRTCP sends a compound packet.
func (t *transport) writeRTCP(packets []rtcp.Packet) {
	_ = t.pc.WriteRTCP(packets) // it may always be lost
}

// abort ends what hangs in a write to a viewer that does not take it.
func (t *transport) abort() {
	if p := t.path.Load(); p != nil && !p.udp {
		if c := t.ports.tcp.find(p.remote); c != nil {
			_ = c.end()
		}
	}
}

// close ends the connection, telling the viewer when it can be told.
func (t *transport) close() {
	if t.pc != nil {
		_ = t.pc.GracefulClose()
	}
	t.reading.Wait()
	t.release()
}
