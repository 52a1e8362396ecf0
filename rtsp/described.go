package rtsp

import (
	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/camgate/camgate"
)

// described is a stream as the library sees it: a description for DESCRIBE and
// SETUP, through which no media goes. It lives as long as the tracks of the stream
// are the same, and until the last session that uses it has ended.
type described struct {
	stream *camgate.Stream
	tracks []*camgate.Track
	medias []*description.Media // by track
	lib    *gortsplib.ServerStream

	// Guarded by the endpoint's mu.
	params []*camgate.Params // by track: what medias say
	users  int               // sessions
	stale  bool              // the endpoint has forgotten it
}

// track returns the track that a media stands for.
func (d *described) track(m *description.Media) *camgate.Track {
	for i, media := range d.medias {
		if media == m {
			return d.tracks[i]
		}
	}
	return nil
}

// current reports whether d still describes the stream.
func (d *described) current(s *camgate.Stream) bool {
	tracks := s.Tracks()
	if d.stream != s || len(tracks) != len(d.tracks) {
		return false
	}
	for i, t := range tracks {
		if t != d.tracks[i] {
			return false
		}
	}
	return true
}

// refresh brings new parameter sets into the description.
func (d *described) refresh() {
	changed := false
	for i, t := range d.tracks {
		if p := t.Params(); p != d.params[i] {
			d.params[i], changed = p, true
			*d.medias[i].Formats[0].(*format.Generic) = *formatOf(t)
		}
	}
	if changed {
		d.lib.ReloadDesc()
	}
}

// describe returns the description of a stream that is ready, made if need be.
// use: a session holds on to it until it calls release.
func (e *endpoint) describe(s *camgate.Stream, use bool) (*described, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.descriptions[s.Name()]
	if d == nil || !d.current(s) {
		e.forgetStale()
		var err error
		if d, err = e.newDescribed(s); err != nil {
			return nil, err
		}
		e.descriptions[s.Name()] = d
	}
	d.refresh()
	if use {
		d.users++
	}
	return d, nil
}

func (e *endpoint) newDescribed(s *camgate.Stream) (*described, error) {
	d := &described{stream: s, tracks: s.Tracks()}
	desc := &description.Session{Title: s.Name()}
	for _, t := range d.tracks {
		d.params = append(d.params, t.Params())
		d.medias = append(d.medias, mediaOf(t))
	}
	desc.Medias = d.medias
	d.lib = &gortsplib.ServerStream{Server: e.lib, Desc: desc}
	return d, d.lib.Initialize()
}

// release ends the use of d by a session.
func (e *endpoint) release(d *described) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d.users--
	if d.stale && d.users == 0 {
		d.lib.Close()
	}
}

// forgetStale drops the descriptions of streams that are gone or have changed;
// mu is held. Sessions that still use one go on until they notice.
func (e *endpoint) forgetStale() {
	for name, d := range e.descriptions {
		if s, err := e.server.opts.Registry.Get(name); err == nil && d.current(s) {
			continue
		}
		delete(e.descriptions, name)
		d.stale = true
		if d.users == 0 {
			d.lib.Close()
		}
	}
}

// closeDescriptions ends all; no session is left.
func (e *endpoint) closeDescriptions() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.descriptions {
		d.lib.Close()
	}
	clear(e.descriptions)
}
