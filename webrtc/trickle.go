package webrtc

import (
	"fmt"
	"strings"
)

// maxFragment bounds a PATCH body in bytes.
const maxFragment = 16 << 10

// fragment is an SDP fragment with trickled candidates (RFC 8840 section 9).
type fragment struct {
	ufrag, pwd string
	candidates []string // values of the attributes
	end        bool     // end-of-candidates
}

// parseFragment reads an application/trickle-ice-sdpfrag body.
func parseFragment(text string) (*fragment, error) {
	f := &fragment{}
	known := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return nil, fmt.Errorf("%w: %.40q is no SDP line", errBadFragment, line)
		}
		if line[0] != 'a' {
			continue // m= says which section the candidates are for; there is one transport
		}
		name, value, _ := strings.Cut(line[2:], ":")
		switch name {
		case "ice-ufrag":
			f.ufrag = value
			if !credential(value) {
				return nil, fmt.Errorf("%w: ice-ufrag has 1 to 256 letters, digits or signs", errBadFragment)
			}
		case "ice-pwd":
			f.pwd = value
			if !credential(value) {
				return nil, fmt.Errorf("%w: ice-pwd has 1 to 256 letters, digits or signs", errBadFragment)
			}
		case "candidate":
			if len(strings.Fields(value)) < 8 {
				return nil, fmt.Errorf("%w: %.80q is no candidate", errBadFragment, line)
			}
			if len(f.candidates) < maxCandidates {
				f.candidates = append(f.candidates, value)
			}
		case "end-of-candidates":
			f.end = true
		case "mid", "ice-options", "ice-pacing", "group", "rtcp-mux", "ice-lite":
		default:
			continue
		}
		known = true
	}
	if !known {
		return nil, fmt.Errorf("%w: nothing of ICE in it", errBadFragment)
	}
	return f, nil
}

// credential reports whether a value can be an ICE credential (RFC 8839 section 5.4).
// Shorter ones than it asks for are taken, and more characters, as in an offer.
func credential(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}
