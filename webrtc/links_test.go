package webrtc

import (
	"strings"
	"testing"
	"time"
)

// The password is what a TURN server makes of name and secret. The last row was made
// by: printf 1700003600:cam | openssl dgst -sha1 -hmac north -binary | base64
func TestCredentials(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		server         ICEServer
		name, password string
	}{
		"none":   {ICEServer{URL: "stun:x"}, "", ""},
		"static": {ICEServer{URL: "turn:x", Username: "u", Credential: "c"}, "u", "c"},
		"secret": {ICEServer{URL: "turn:x", Username: "cam", Secret: "north"}, "1700003600:cam", "CBXhxQNGzZ7jWVji0SV0UpZHLtE="},
	} {
		t.Run(name, func(t *testing.T) {
			if n, p := c.server.credentials(now); n != c.name || p != c.password {
				t.Errorf("%q %q, want %q %q", n, p, c.name, c.password)
			}
		})
	}
	server := ICEServer{Secret: "north", TTL: time.Minute}
	first, _ := server.credentials(now)
	second, _ := server.credentials(now)
	if !strings.HasPrefix(first, "1700000060:") || first == second {
		t.Errorf("two viewers are %s and %s", first, second)
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{`a`: `"a"`, `a"b`: `"a\"b"`, `a\b`: `"a\\b"`, `a, b; c`: `"a, b; c"`} {
		if got := quoted(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}
