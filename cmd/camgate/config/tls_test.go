package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClientTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler()) // its certificate is for example.com
	defer server.Close()
	server.Config.ErrorLog = nil
	cert := server.Certificate()
	leaf, key := sha256.Sum256(cert.Raw), sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("AB:", 31) + "AB"
	for name, tt := range map[string]struct {
		tls TLS
		err string
	}{
		"pin":            {TLS{Fingerprint: []string{FormatFingerprint(leaf)}}, ""},
		"pin of the key": {TLS{Fingerprint: []string{wrong, strings.ToLower(strings.ReplaceAll(FormatFingerprint(key), ":", ""))}}, ""},
		"wrong pin":      {TLS{Fingerprint: []string{wrong}}, "the certificate has another fingerprint: " + FormatFingerprint(leaf)},
		"authority":      {TLS{CA: ca, ServerName: "example.com"}, ""},
		"wrong name":     {TLS{CA: ca, ServerName: "example.org"}, "certificate is valid for example.com"},
		"other name":     {TLS{ServerName: "example.com"}, "unknown authority"},
		"insecure":       {TLS{Insecure: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Default().ClientTLS(tt.tls)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := tls.Dial("tcp", server.Listener.Addr().String(), c)
			if err == nil {
				conn.Close()
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
	if c, err := Default().ClientTLS(TLS{}); c != nil || err != nil {
		t.Errorf("without options: %v, %v", c, err)
	}
}
