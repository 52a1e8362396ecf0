package webrtc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v4/packetio"
	"golang.org/x/sys/cpu"
)

// transport is the connection to one viewer: ICE, DTLS, SRTP.
type transport struct {
	ports *ports
	agent *ice.Agent
	conn  *ice.Conn
	dtls  *dtls.Conn
	inbox *dtlsInbox
	path  atomic.Pointer[path] // where media goes; nil: not connected

	onClose func(error)  // the viewer is gone; may be called more than once
	onRTCP  func([]byte) // a decrypted compound packet; the bytes are only lent

	remote  atomic.Pointer[srtp.Context] // for what the viewer sends
	reading sync.WaitGroup

	mu    sync.Mutex // guards what follows, and the order of packets
	local *srtp.Context
}

// path is a selected candidate pair.
type path struct {
	udp    bool
	remote netip.AddrPort
	since  time.Time
}

// settle is how long after a path was selected others are only taken that have a
// higher priority: a viewer may nominate several at first. Later, a nomination is
// a change of mind, or of the viewer's network.
const settle = 2 * time.Second

// newTransport starts an ICE agent that can be reached at the ports.
func newTransport(p *ports, timeout time.Duration, logs libraryLog) (*transport, error) {
	// A viewer that says nothing for a while may come back; ICE calls that
	// disconnected. Together it has as long as the timeout says.
	quiet := min(5*time.Second, timeout/2)
	t := &transport{ports: p}
	opts := []ice.AgentOption{
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6, ice.NetworkTypeTCP4, ice.NetworkTypeTCP6}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithDisableActiveTCP(),
		ice.WithIncludeLoopback(),
		ice.WithIPFilter(net.IP.IsLoopback), // what stands for the ports, see stand
		ice.WithDisconnectedTimeout(quiet),
		ice.WithFailedTimeout(timeout - quiet),
		ice.WithKeepaliveInterval(min(2*time.Second, quiet/2)), // it makes the viewer say something
		ice.WithLoggerFactory(logs),
		ice.WithBindingRequestHandler(t.moves),
	}
	if p.udpMux != nil {
		opts = append(opts, ice.WithUDPMux(p.udpMux))
	}
	if p.tcpMux != nil {
		opts = append(opts, ice.WithTCPMux(p.tcpMux))
	}
	agent, err := ice.NewAgentWithOptions(opts...)
	if err != nil {
		return nil, fmt.Errorf("ICE agent: %w", err)
	}
	t.agent = agent
	gathered := make(chan struct{})
	_ = agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(gathered)
		}
	})
	_ = agent.OnConnectionStateChange(func(s ice.ConnectionState) {
		switch {
		case s != ice.ConnectionStateFailed:
		case t.path.Load() == nil:
			t.onClose(errNoConnect)
		default:
			t.onClose(errLost)
		}
	})
	_ = agent.OnSelectedCandidatePairChange(func(local, remote ice.Candidate) { t.path.Store(newPath(local, remote)) })
	if err := agent.GatherCandidates(); err != nil {
		_ = agent.Close()
		return nil, fmt.Errorf("ICE agent: %w", err)
	}
	<-gathered // at once: nobody is asked
	return t, nil
}

// moves reports whether a connectivity check of the viewer makes its path the
// selected one.
func (t *transport) moves(m *stun.Message, _, remote ice.Candidate, _ *ice.CandidatePair) bool {
	p := t.path.Load()
	return p != nil && m.Contains(stun.AttrUseCandidate) && time.Since(p.since) > settle && p.remote != address(remote)
}

func address(c ice.Candidate) netip.AddrPort {
	ip, err := netip.ParseAddr(c.Address())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, uint16(c.Port()))
}

func newPath(local, remote ice.Candidate) *path {
	return &path{!local.NetworkType().IsTCP(), address(remote), time.Now()}
}

// accept lets the viewer connect; connect waits for it.
func (t *transport) accept(p peer) error {
	conn, err := t.agent.StartAccept(p.ufrag, p.pwd)
	if err != nil {
		return fmt.Errorf("ICE agent: %w", err)
	}
	t.conn = conn
	return nil
}

// srtpProfiles are what the gateway offers to do, best first. Without AES
// instructions GCM costs more than AES-CM with SHA1.
func srtpProfiles() []dtls.SRTPProtectionProfile {
	gcm, sha1 := dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80
	if (cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ) || (cpu.ARM64.HasAES && cpu.ARM64.HasPMULL) || cpu.S390X.HasAESGCM {
		return []dtls.SRTPProtectionProfile{gcm, sha1}
	}
	return []dtls.SRTPProtectionProfile{sha1, gcm}
}

// connect waits for the viewer: connectivity checks, then the DTLS handshake.
func (t *transport) connect(ctx context.Context, p peer, certificate tls.Certificate, logs libraryLog) error {
	if err := t.agent.AwaitConnect(ctx); err != nil {
		return err
	}
	pair, err := t.agent.GetSelectedCandidatePair()
	if err != nil {
		return fmt.Errorf("ICE agent: %w", err)
	}
	if pair == nil {
		return errLost
	}
	t.path.CompareAndSwap(nil, newPath(pair.Local, pair.Remote)) // else it was told already
	t.inbox = newDTLSInbox(t.conn, func() { t.onClose(errDeleted) })
	t.reading.Add(1)
	go func() {
		defer t.reading.Done()
		t.read()
	}()
	conn, err := dtls.ServerWithOptions(t.inbox, t.conn.RemoteAddr(),
		dtls.WithCertificates(certificate),
		dtls.WithSRTPProtectionProfiles(srtpProfiles()...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerify(true), // self-signed: the fingerprint decides
		dtls.WithVerifyPeerCertificate(verifyFingerprint(p.fingerprints)),
		dtls.WithInsecureSkipVerifyHello(true), // ICE has proved the address
		dtls.WithLoggerFactory(logs),
	)
	if err != nil {
		return fmt.Errorf("DTLS: %w", err)
	}
	t.dtls = conn
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("DTLS: %w", err)
	}
	return t.keys()
}

// keys derives the SRTP keys of both directions (RFC 5764 section 4.2).
func (t *transport) keys() error {
	profile, ok := t.dtls.SelectedSRTPProtectionProfile()
	if !ok {
		return fmt.Errorf("DTLS: the viewer has no SRTP profile in common")
	}
	state, ok := t.dtls.ConnectionState()
	if !ok {
		return fmt.Errorf("DTLS: no keys")
	}
	conf := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := conf.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return fmt.Errorf("DTLS: %w", err)
	}
	local, err := srtp.CreateContext(conf.Keys.LocalMasterKey, conf.Keys.LocalMasterSalt, conf.Profile)
	if err != nil {
		return fmt.Errorf("SRTP: %w", err)
	}
	remote, err := srtp.CreateContext(conf.Keys.RemoteMasterKey, conf.Keys.RemoteMasterSalt, conf.Profile, srtp.SRTCPReplayProtection(64))
	if err != nil {
		return fmt.Errorf("SRTP: %w", err)
	}
	t.mu.Lock()
	t.local = local
	t.mu.Unlock()
	t.remote.Store(remote)
	return nil
}

// read takes apart what the viewer sends (RFC 7983 section 7).
func (t *transport) read() {
	buf := make([]byte, 2048)
	for {
		n, err := t.conn.Read(buf)
		if err != nil {
			t.onClose(errLost)
			return
		}
		switch p := buf[:n]; {
		case n > 0 && p[0] >= 20 && p[0] <= 63:
			t.inbox.put(p)
		case n >= 8 && p[0] >= 128 && p[0] <= 191 && p[1] >= 192 && p[1] <= 223:
			if ctx := t.remote.Load(); ctx != nil {
				if plain, err := ctx.DecryptRTCP(nil, p, nil); err == nil {
					t.onRTCP(plain)
				}
			}
		}
	}
}

// send sends a batch and empties it; mu is held.
func (t *transport) send(b *batch) {
	defer b.reset()
	p := t.path.Load()
	if p == nil || b.empty() {
		return
	}
	if p.udp {
		_ = b.writer.Send(p.remote, b.packets) // a datagram may always be lost
		return
	}
	if c := t.ports.tcp.find(p.remote); c == nil || c.send(b) != nil {
		t.onClose(errLost)
	}
}

// close ends the connection, telling the viewer when it can be told.
func (t *transport) close() {
	if t.dtls != nil {
		_ = t.dtls.Close()
	}
	_ = t.agent.GracefulClose()
	if t.inbox != nil {
		_ = t.inbox.Close()
	}
	t.reading.Wait()
}

// dtlsInbox is the packet connection that the DTLS library works on: what read
// finds to be DTLS goes in.
type dtlsInbox struct {
	*ice.Conn
	buf     *packetio.Buffer
	onClose func()
}

func newDTLSInbox(c *ice.Conn, onClose func()) *dtlsInbox {
	b := &dtlsInbox{Conn: c, buf: packetio.NewBuffer(), onClose: onClose}
	b.buf.SetLimitCount(64) // more than the flights of a handshake
	return b
}

func (b *dtlsInbox) put(p []byte) { _, _ = b.buf.Write(p) }

func (b *dtlsInbox) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := b.buf.Read(p)
	return n, b.RemoteAddr(), err
}

func (b *dtlsInbox) WriteTo(p []byte, _ net.Addr) (int, error) { return b.Write(p) }

// Close is called by the library when the viewer said goodbye, too.
func (b *dtlsInbox) Close() error {
	b.onClose()
	return b.buf.Close()
}

func (b *dtlsInbox) SetReadDeadline(t time.Time) error { return b.buf.SetReadDeadline(t) }
func (b *dtlsInbox) SetWriteDeadline(time.Time) error  { return nil }
func (b *dtlsInbox) SetDeadline(t time.Time) error     { return b.buf.SetReadDeadline(t) }
