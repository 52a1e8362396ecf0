package rtsp

import (
	"fmt"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/camgate/camgate"
)

// describeStream is the SDP of a stream as its tracks are now. Its control URLs are
// relative: they work behind whatever name the client knows us by.
func describeStream(s *camgate.Stream) ([]byte, error) {
	desc := description.Session{Title: s.Name()}
	for i, t := range s.Tracks() {
		m := mediaOf(t)
		m.Control = fmt.Sprintf("trackID=%d", i) // what the library looks for in SETUP
		desc.Medias = append(desc.Medias, m)
	}
	return desc.Marshal()
}

// described is a stream as the library sees it: something to set tracks up of,
// through which no media goes. Each session has its own: the library reads what
// belongs to the other readers of a stream while they change it.
type described struct {
	stream *camgate.Stream
	tracks []*camgate.Track
	medias []*description.Media // by track
	lib    *gortsplib.ServerStream
}

func newDescribed(server *gortsplib.Server, s *camgate.Stream) (*described, error) {
	d := &described{stream: s, tracks: s.Tracks()}
	// Without a clock rate the library starts nothing that would make sender reports.
	formats := []format.Format{&format.Generic{}}
	d.medias = make([]*description.Media, len(d.tracks))
	for i := range d.medias {
		d.medias[i] = &description.Media{Formats: formats}
	}
	d.lib = &gortsplib.ServerStream{Server: server, Desc: &description.Session{Medias: d.medias}}
	return d, d.lib.Initialize()
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
