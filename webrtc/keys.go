package webrtc

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/srtp/v3"
	pion "github.com/pion/webrtc/v4"
)

// exporter is the exporter (RFC 5705) of one DTLS handshake that the library makes.
//
// Media leaves by a way of our own, encrypted with the keys that the handshake gave
// (RFC 5764 section 4.2): a picture is made in one piece of memory and goes to the
// kernel by one system call, while the library would send packet by packet. It keeps
// its DTLS connection to itself, but shows the server hello and the line of a key
// log, and these are all that the keys are made of. The line goes no further than
// here, and what it says is wiped once the keys are made.
//
// One key must encrypt one packet of a number only (RFC 7714 section 8.4). So the
// RTP of a session is either all ours or all the library's, which never sends RTP
// by itself; RTCP, with keys of its own, is always the library's.
type exporter struct {
	mu             sync.Mutex
	suite          dtls.CipherSuiteID
	profile        srtp.ProtectionProfile
	client, server []byte // random
	master         []byte // secret
}

var errNoKeys = errors.New("the handshake did not show its keys")

// observe lets the exporter see the handshake of a session.
func (e *exporter) observe(s *pion.SettingEngine) {
	s.SetDTLSServerHelloMessageHook(e.hello)
	s.SetDTLSKeyLogWriter(e)
}

// hello takes what our side has chosen, and leaves it as it is.
func (e *exporter) hello(m handshake.MessageServerHello) handshake.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	random := m.Random.MarshalFixed()
	e.server = random[:]
	if m.CipherSuiteID != nil {
		e.suite = dtls.CipherSuiteID(*m.CipherSuiteID)
	}
	for _, x := range m.Extensions {
		if use, ok := x.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) == 1 {
			e.profile = srtp.ProtectionProfile(use.ProtectionProfiles[0])
		}
	}
	return &m
}

// Write takes the line of a key log: "CLIENT_RANDOM random secret", in hex.
func (e *exporter) Write(line []byte) (int, error) {
	f := bytes.Fields(line)
	if len(f) == 3 && string(f[0]) == "CLIENT_RANDOM" {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.client, e.master = unhex(f[1]), unhex(f[2])
	}
	clear(line) // scratch memory of package fmt, which would keep it
	return len(line), nil
}

func unhex(s []byte) []byte {
	out := make([]byte, hex.DecodedLen(len(s)))
	if _, err := hex.Decode(out, s); err != nil {
		return nil
	}
	return out
}

// cipherSuites are those that a server with an ECDSA certificate offers.
func cipherSuites() []dtls.CipherSuiteID {
	return []dtls.CipherSuiteID{
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	}
}

// prfHash is the hash of a cipher suite's pseudorandom function (RFC 5246 section 5,
// RFC 5289 section 3.2); nil: unknown.
func prfHash(suite dtls.CipherSuiteID) func() hash.Hash {
	switch suite {
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:
		return sha256.New
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:
		return sha512.New384
	}
	return nil
}

// ExportKeyingMaterial is the exporter without a context (RFC 5705 section 4).
func (e *exporter) ExportKeyingMaterial(label string, context []byte, length int) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := prfHash(e.suite)
	if h == nil || context != nil || len(e.client) != handshake.RandomLength || len(e.server) != handshake.RandomLength || len(e.master) == 0 {
		return nil, errNoKeys
	}
	seed := bytes.Join([][]byte{[]byte(label), e.client, e.server}, nil)
	return prf.PHash(e.master, seed, length, prf.HashFunc(h))
}

// srtp returns the context that encrypts what the gateway sends. It can be had once.
func (e *exporter) srtp() (*srtp.Context, error) {
	defer e.wipe()
	e.mu.Lock()
	conf := srtp.Config{Profile: e.profile}
	e.mu.Unlock()
	if err := conf.ExtractSessionKeysFromDTLS(e, false); err != nil {
		return nil, fmt.Errorf("SRTP keys: %w", err)
	}
	defer clear(conf.Keys.LocalMasterKey)
	defer clear(conf.Keys.RemoteMasterKey)
	ctx, err := srtp.CreateContext(conf.Keys.LocalMasterKey, conf.Keys.LocalMasterSalt, conf.Profile)
	if err != nil {
		return nil, fmt.Errorf("SRTP keys: %w", err)
	}
	return ctx, nil
}

func (e *exporter) wipe() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.master)
	e.master = nil
}
