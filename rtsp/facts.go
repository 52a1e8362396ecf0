package rtsp

import "slices"

// Session is what is known of a session with a camera.
type Session struct {
	Transport Transport // that of media
	Encrypted bool      // media are
	Login     string    // how we logged in; empty: nobody asked
	Server    string    // what the camera calls itself
	Repairs   []string  // what of its answers had to be repaired
	Tracks    []Reception
}

// Session returns what is known of the session under way, or of the last one.
func (s *Source) Session() Session {
	s.mu.Lock()
	p := s.session
	s.mu.Unlock()
	if p == nil {
		return Session{}
	}
	return p.facts()
}

// note keeps what Session tells, and logs what is unusual about it.
func (p *pull) note() {
	p.mu.Lock()
	p.control.tell(func() {
		p.known.Login, p.known.Server, p.known.Repairs = p.control.scheme, p.control.server, slices.Clone(p.control.repairs)
	})
	known := p.known
	p.mu.Unlock()
	if len(known.Repairs) > 0 {
		p.log.Info("the camera's description was repaired", "source", p.source.name, "server", known.Server, "repairs", known.Repairs)
	}
	if p.url.Scheme == "rtsps" && !known.Encrypted {
		p.log.Info("media come without encryption", "source", p.source.name, "transport", known.Transport)
	}
}

func (p *pull) facts() Session {
	p.mu.Lock()
	known, feedbacks := p.known, p.feedbacks
	p.mu.Unlock()
	for _, f := range feedbacks {
		known.Tracks = append(known.Tracks, f.total())
	}
	return known
}
