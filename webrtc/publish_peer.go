package webrtc

import (
	"context"
	"slices"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// newReceivingPeer makes the PeerConnection of one who publishes. The library writes the
// receiver reports and the feedback on the transport by which senders adapt their bit
// rate; what is missing is asked for by us, who know how long to wait for it.
func newReceivingPeer(ctx context.Context, s *Server, t *transport, p *plan) (*pion.PeerConnection, error) {
	t.receives = true
	certificate, err := s.certs.get(time.Now())
	if err != nil {
		return nil, err
	}
	codecs, registry := &pion.MediaEngine{}, &interceptor.Registry{}
	for _, r := range p.routes {
		kind := pion.NewRTPCodecType(string(r.track.Kind))
		if err := codecs.RegisterCodec(r.codec.forReceiving(r.track.Kind), kind); err != nil {
			return nil, err
		}
		if err := codecs.RegisterHeaderExtension(pion.RTPHeaderExtensionCapability{URI: sdp.TransportCCURI}, kind); err != nil {
			return nil, err
		}
	}
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, err
	}
	feedback, err := twcc.NewSenderInterceptor(twcc.SendInterval(50 * time.Millisecond))
	if err != nil {
		return nil, err
	}
	registry.Add(reports)
	registry.Add(feedback)
	settings, err := peerSettings(ctx, s, t)
	if err != nil {
		return nil, err
	}
	api := pion.NewAPI(pion.WithMediaEngine(codecs), pion.WithSettingEngine(settings), pion.WithInterceptorRegistry(registry))
	pc, err := api.NewPeerConnection(pion.Configuration{Certificates: []pion.Certificate{certificate}})
	if err != nil {
		return nil, err
	}
	for _, r := range p.routes {
		init := pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}
		if _, err := pc.AddTransceiverFromKind(pion.NewRTPCodecType(string(r.track.Kind)), init); err != nil {
			_ = pc.Close()
			return nil, err
		}
	}
	return pc, nil
}

// forReceiving describes the payload type to the library, with the feedback that both
// sides know.
func (c *codec) forReceiving(kind camgate.Kind) pion.RTPCodecParameters {
	out := c.forLibrary(kind)
	out.RTCPFeedback = slices.DeleteFunc(append(out.RTCPFeedback, pion.RTCPFeedback{Type: "transport-cc"}), func(f pion.RTCPFeedback) bool {
		name := f.Type
		if f.Parameter != "" {
			name += " " + f.Parameter
		}
		return !slices.Contains(c.feedback, name)
	})
	return out
}
