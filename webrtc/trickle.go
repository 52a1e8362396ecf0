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
	candidates int
	end        bool // end-of-candidates
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
		case "ice-pwd":
			f.pwd = value
		case "candidate":
			if len(strings.Fields(value)) < 8 {
				return nil, fmt.Errorf("%w: %.80q is no candidate", errBadFragment, line)
			}
			f.candidates++
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
