package config

import (
	"crypto/sha256"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camgate/camgate/ingest/trust"
)

// What the keys of tls say is what happens to a real server's certificate.
func TestTrust(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS() // its certificate is for example.com
	defer server.Close()
	cert := server.Certificate()
	leaf, key := trust.Pin(sha256.Sum256(cert.Raw)), trust.Pin(sha256.Sum256(cert.RawSubjectPublicKeyInfo))
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("AB:", 31) + "AB"
	for name, tt := range map[string]struct {
		keys string
		by   trust.Verification
		err  string
	}{
		"nothing":        {"{}", "", "is refused: "},
		"pin":            {"{fingerprint: '" + leaf.String() + "'}", trust.ByPin, ""},
		"as printed":     {strings.TrimPrefix("tls: {fingerprint: "+leaf.String()+"}", "tls: "), trust.ByPin, ""},
		"pin of the key": {"{fingerprint: [" + wrong + ", " + strings.ToLower(strings.ReplaceAll(key.String(), ":", "")) + "]}", trust.ByPin, ""},
		"wrong pin":      {"{fingerprint: '" + wrong + "'}", "", "it has another fingerprint than the config says: " + leaf.String()},
		"authority":      {"{ca: " + ca + ", server_name: example.com}", trust.ByCA, ""},
		"wrong name":     {"{ca: " + ca + ", server_name: example.org}", "", "certificate is valid for example.com"},
		"first use":      {"{trust_on_first_use: true}", trust.ByFirstUse, ""},
		"insecure":       {"{insecure: true}", trust.ByNothing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			c, err := Parse([]byte("streams: {cam: {source: 'rtsps://h/x', tls: "+tt.keys+"}}\n"), "c.yaml", []string{"STATE_DIRECTORY=" + state + ":/other"})
			if err != nil {
				t.Fatal(err)
			}
			options, err := c.Trust(c.Streams["cam"].TLS)
			if err != nil {
				t.Fatal(err)
			}
			options.Store = trust.NewStore(c.StateDirectory())
			dialer, err := trust.New(options)
			if err != nil {
				t.Fatal(err)
			}
			conn, facts, err := dialer.Dial(t.Context(), "tcp", server.Listener.Addr().String(), nil)
			if err == nil {
				conn.Close()
			}
			if facts.Verified != tt.by || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v, want %q, %q", facts.Verified, err, tt.by, tt.err)
			}
			if _, err := os.Stat(state); (err == nil) != (tt.by == trust.ByFirstUse) {
				t.Errorf("the state directory: %v", err)
			}
		})
	}
}

func TestStateDirectory(t *testing.T) {
	for name, tt := range map[string]struct {
		text    string
		environ []string
		want    string
	}{
		"key":             {"state_dir: /data\n", []string{"STATE_DIRECTORY=/s"}, "/data"},
		"relative key":    {"state_dir: state\n", nil, "/etc/camgate/state"},
		"variable":        {"state_dir: /data\n", []string{"CAMGATE_STATE_DIR=/volume"}, "/volume"},
		"service manager": {"", []string{"STATE_DIRECTORY=/var/lib/private/camgate:/b", "XDG_STATE_HOME=/x", "HOME=/home/me"}, "/var/lib/private/camgate"},
		"XDG":             {"", []string{"XDG_STATE_HOME=/x", "HOME=/home/me"}, "/x/camgate"},
		"relative XDG":    {"", []string{"XDG_STATE_HOME=x", "HOME=/home/me"}, "/home/me/.local/state/camgate"},
		"home":            {"", []string{"HOME=/home/me"}, "/home/me/.local/state/camgate"},
		"container":       {"", []string{"HOME=/"}, "/var/lib/camgate"},
		"nobody":          {"", nil, "/var/lib/camgate"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse([]byte(tt.text), "/etc/camgate/camgate.yaml", tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.StateDirectory(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
