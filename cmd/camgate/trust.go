package main

import (
	"fmt"
	"log/slog"
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
	options.Seen = func(address string, facts trust.Facts) {
		if a.seen != nil {
			a.seen(address, facts)
		}
		old := ""
		if facts.Legacy {
			old = fmt.Sprintf("the source knows old TLS only (%s with %s), which others may read; a newer firmware may help", facts.Version, facts.Suite)
		}
		s.Warn("old-tls", old)
	}
	if parsed.Secure() {
		announcePort(options.Logger.With("source", text.String()), parsed.URL)
		if options.Insecure {
			options.Logger.Warn(`any certificate is accepted, as "insecure" is true: who is in between sees and changes everything`, "source", text.String())
			s.Warn("tls", `the certificate of the source is not verified, as "insecure" is true: who is in between sees and changes everything`)
		}
	}
	return trust.New(options)
}

// announcePort says which port is meant where a URL with TLS names none: programs
// differ there.
func announcePort(log *slog.Logger, u *url.URL) {
	switch {
	case u.Port() != "":
	case u.Scheme == "rtsps":
		log.Info("port 322 by default")
	case u.Scheme == "bambu":
		log.Info("port 6000 by default")
	default: // HTTP, or a tunnel
		log.Info("port 443 by default")
	}
}
