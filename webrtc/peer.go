package webrtc

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	pion "github.com/pion/webrtc/v4"
	"golang.org/x/sys/cpu"
)

// receiveMTU is the largest datagram that is taken from a viewer, in bytes.
const receiveMTU = 1500

// handshakeRetry is when the first part of a handshake that seems to be lost is sent
// again, twice as late each time (RFC 6347 section 4.2.4.1 has a second, which is a
// long time to look at nothing).
const handshakeRetry = 150 * time.Millisecond

// newPeer makes the PeerConnection of a session, with its lanes as tracks. It
// negotiates exactly the payload types of the plan. ctx bounds the DTLS handshake.
func newPeer(ctx context.Context, s *Server, t *transport, p *plan, lanes []*lane) (*pion.PeerConnection, error) {
	certificate, err := s.certs.get(time.Now())
	if err != nil {
		return nil, err
	}
	codecs := &pion.MediaEngine{}
	known := map[uint8]bool{}
	for _, r := range p.parts() {
		if err := r.register(codecs, known); err != nil {
			return nil, err
		}
	}
	settings, err := peerSettings(ctx, s, t)
	if err != nil {
		return nil, err
	}
	api := pion.NewAPI(
		pion.WithMediaEngine(codecs),
		pion.WithSettingEngine(settings),
		pion.WithInterceptorRegistry(&interceptor.Registry{}), // what they do is done once for all viewers
	)
	pc, err := api.NewPeerConnection(pion.Configuration{Certificates: []pion.Certificate{certificate}})
	if err != nil {
		return nil, err
	}
	if err := addTracks(pc, p, lanes); err != nil {
		_ = pc.Close()
		return nil, err
	}
	return pc, nil
}

// addTracks makes the transceivers of all sections.
func addTracks(pc *pion.PeerConnection, p *plan, lanes []*lane) error {
	for _, r := range p.parts() {
		i := slices.IndexFunc(p.routes, func(s route) bool { return s.section == r.section })
		if i < 0 {
			if err := addMic(pc, &r); err != nil {
				return err
			}
			continue
		}
		direction := pion.RTPTransceiverDirectionSendonly
		if r.mic != nil {
			direction = pion.RTPTransceiverDirectionSendrecv
		}
		transceiver, err := pc.AddTransceiverFromTrack(lanes[i], pion.RTPTransceiverInit{Direction: direction})
		if err == nil {
			err = transceiver.SetCodecPreferences(r.preferences())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func peerSettings(ctx context.Context, s *Server, t *transport) (pion.SettingEngine, error) {
	settings := pion.SettingEngine{LoggerFactory: s.logs, BufferFactory: t.buffer}

	// ICE: our two ports, and nobody is asked for more.
	if s.ports.udpMux != nil {
		settings.SetICEUDPMux(s.ports.udpMux)
	}
	if s.ports.tcpMux != nil {
		settings.SetICETCPMux(s.ports.tcpMux)
	}
	settings.SetNetworkTypes([]pion.NetworkType{
		pion.NetworkTypeUDP4, pion.NetworkTypeUDP6, pion.NetworkTypeTCP4, pion.NetworkTypeTCP6,
	})
	if t.ours.ufrag != "" {
		settings.SetICECredentials(t.ours.ufrag, t.ours.pwd)
	}
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.DisableActiveTCP(true)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(net.IP.IsLoopback) // what stands for the ports, see stand
	// A viewer that says nothing for a while may come back; ICE calls that
	// disconnected. Together it has as long as the timeout says. Our checks make it
	// say something.
	quiet := min(5*time.Second, s.opts.ReaderTimeout/2)
	settings.SetICEBindingRequestHandler(t.moves)
	settings.SetICETimeouts(quiet, s.opts.ReaderTimeout-quiet, min(2*time.Second, quiet/2))

	// DTLS: the server chooses the SRTP profile.
	settings.SetSRTPProtectionProfiles(srtpProfiles()...)
	settings.SetDTLSCipherSuites(cipherSuites()...)
	settings.SetDTLSExtendedMasterSecret(dtls.RequireExtendedMasterSecret)
	settings.SetDTLSInsecureSkipHelloVerify(true) // ICE has proved the address
	settings.SetDTLSRetransmissionInterval(handshakeRetry)
	settings.SetDTLSConnectContextMaker(func() (context.Context, func()) { return context.WithCancel(ctx) })
	settings.SetReceiveMTU(receiveMTU)
	if !s.opts.libraryMedia {
		t.keys.observe(&settings)
	}
	return settings, settings.SetAnsweringDTLSRole(pion.DTLSRoleServer)
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
