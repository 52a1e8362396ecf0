package main

import (
	"net/url"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest/trust"
)

// trust makes what connects to a source with TLS, and says what is to be said of it
// at each start.
func (a *app) trust(s *camgate.Stream, text config.SourceURL, parsed config.Source, opts config.TLS) (*trust.Dialer, error) {
	options, err := a.cfg.Trust(opts)
	if err != nil {
		return nil, err
	}
	options.Logger = a.log.With("stream", s.Name())
	options.Store = a.store
	if parsed.Secure() {
		if port := defaultPort(parsed.URL); port != "" {
			options.Logger.Info("port "+port+" by default", "source", text.String())
		}
		if options.Insecure {
			options.Logger.Warn(`any certificate is accepted, as "insecure" is true: who is in between sees and changes everything`, "source", text.String())
			s.Warn("tls", `the certificate of the source is not verified, as "insecure" is true: who is in between sees and changes everything`)
		}
	}
	return trust.New(options)
}

// defaultPort is the port of a URL with TLS that names none; empty: it names one.
func defaultPort(u *url.URL) string {
	switch {
	case u.Port() != "":
		return ""
	case u.Scheme == "rtsps":
		return "322"
	case u.Scheme == "bambu":
		return "6000"
	}
	return "443" // HTTP, or a tunnel
}
