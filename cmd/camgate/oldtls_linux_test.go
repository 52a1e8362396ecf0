package main

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
)

// A source with old TLS has a warning as long as it has.
func TestOldTLSIsAWarning(t *testing.T) {
	s := camgate.NewRendition("cam", camgate.StreamLimits{})
	url := config.SourceURL("rtsps://127.0.0.1:1/x")
	parsed, err := config.ParseSource(url)
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := (&app{cfg: config.Default(), log: slog.New(slog.DiscardHandler)}).trust(s, url, parsed, config.TLS{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		highest uint16
		want    int // warnings, the standing one among them
	}{{tls.VersionTLS11, 2}, {tls.VersionTLS13, 1}} {
		plain, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		secure := tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{ownCertificate(t)}, MinVersion: tls.VersionTLS10, MaxVersion: c.highest})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := secure.Accept()
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			}
		}()
		conn, _, err := dialer.Dial(t.Context(), "tcp", plain.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		plain.Close()
		<-done
		if w := s.Info().Warnings; len(w) != c.want || strings.Contains(strings.Join(w, "\n"), "TLS 1.1") != (c.want == 2) {
			t.Errorf("%q", w)
		}
	}
}
