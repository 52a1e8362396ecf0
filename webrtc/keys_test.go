package webrtc

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	pion "github.com/pion/webrtc/v4"
)

// Whatever is negotiated, the viewer can decrypt what the gateway encrypts with the
// keys that it derives.
func TestKeys(t *testing.T) {
	profiles := map[string]dtls.SRTPProtectionProfile{
		"GCM": dtls.SRTP_AEAD_AES_128_GCM, "SHA1": dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	}
	for name, profile := range profiles {
		for _, suite := range cipherSuites() {
			t.Run(name+"/"+suite.String(), func(t *testing.T) {
				t.Parallel()
				stream := newStream(t)
				p := newProgram(t, stream, true)
				p.next()
				g := newGateway(t, stream)
				p.run()
				v := g.join(t, clientOptions{settings: func(s *pion.SettingEngine) {
					s.SetSRTPProtectionProfiles(profile)
					s.SetDTLSCipherSuites(suite)
				}})
				v.wait("picture and sound", func() bool { return len(v.packets["video"]) > 10 && len(v.packets["audio"]) > 3 })
				x := g.only(t)
				x.transport.mu.Lock()
				defer x.transport.mu.Unlock()
				if x.transport.local == nil {
					t.Error("there are no keys")
				}
				if x.transport.keys.profile != 0 && uint16(x.transport.keys.profile) != uint16(profile) {
					t.Errorf("profile %v", x.transport.keys.profile)
				}
				if x.transport.keys.master != nil {
					t.Error("the secret is kept")
				}
			})
		}
	}
}

// only returns the one session.
func (g *gateway) only(t *testing.T) *session {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range g.viewers.members {
		if len(g.viewers.members) == 1 {
			return x.(*session)
		}
	}
	t.Fatalf("%d sessions", len(g.viewers.members))
	return nil
}

// A handshake that did not show all that is needed has no keys, and none has them
// twice.
func TestNoKeys(t *testing.T) {
	suite := uint16(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	unknown := uint16(dtls.TLS_PSK_WITH_AES_128_CCM)
	line := "CLIENT_RANDOM " + string(bytes.Repeat([]byte("ab"), 32)) + " " + string(bytes.Repeat([]byte("cd"), 48)) + "\n"
	profile := serverHello(suite, dtls.SRTP_AEAD_AES_128_GCM)
	for name, c := range map[string]struct {
		hello *handshake.MessageServerHello
		line  string
		want  bool
	}{
		"all":              {profile, line, true},
		"nothing":          {nil, "", false},
		"no hello":         {nil, line, false},
		"no line":          {profile, "", false},
		"unknown suite":    {serverHello(unknown, dtls.SRTP_AEAD_AES_128_GCM), line, false},
		"no profile":       {serverHello(suite), line, false},
		"profiles":         {serverHello(suite, dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80), line, false},
		"unknown profile":  {serverHello(suite, 0x4711), line, false},
		"DTLS 1.3":         {profile, "SERVER_TRAFFIC_SECRET_0" + line[len("CLIENT_RANDOM"):], false},
		"no hex":           {profile, "CLIENT_RANDOM xx yy\n", false},
		"a short random":   {profile, "CLIENT_RANDOM abcd" + line[len("CLIENT_RANDOM")+1+64:], false},
		"something longer": {profile, line[:len(line)-1] + " more\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			var e exporter
			if c.hello != nil {
				e.hello(*c.hello)
			}
			written := []byte(c.line)
			if n, err := e.Write(written); n != len(c.line) || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			if bytes.Contains(written, []byte("cdcd")) {
				t.Error("the line is left as it was")
			}
			ctx, err := e.srtp()
			if (ctx != nil) != c.want || (err == nil) != c.want {
				t.Errorf("%v, %v", ctx, err)
			}
			if _, err := e.srtp(); !errors.Is(err, errNoKeys) && c.want {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}

func serverHello(suite uint16, profiles ...extension.SRTPProtectionProfile) *handshake.MessageServerHello {
	m := &handshake.MessageServerHello{CipherSuiteID: &suite}
	if profiles != nil {
		m.Extensions = []extension.Extension{&extension.UseSRTP{ProtectionProfiles: profiles}}
	}
	return m
}
