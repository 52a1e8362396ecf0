package ts

import (
	"fmt"
	"io"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// Publish publishes a transport stream from which nothing gets lost, as one that comes
// through a pipe, until it ends: with io.EOF if that is the end of r.
func Publish(r io.Reader, stream *camgate.Stream) error {
	var out session
	d, err := NewDemuxer(r, out.sample)
	if err != nil {
		return err
	}
	out.demuxer = d
	return out.publish(stream)
}

// publish publishes what the demuxer reads until that ends.
func (s *session) publish(stream *camgate.Stream) (err error) {
	if len(s.demuxer.Tracks()) == 0 {
		return errNoTrack
	}
	stream.Warn("tracks", s.demuxer.LeftOut())
	if s.writer, err = ingest.NewWriter(stream, s.demuxer.Tracks()); err != nil {
		return err
	}
	defer s.writer.Close()
	for {
		if err := s.demuxer.Read(); err != nil {
			return err
		}
	}
}

var errNoTrack = fmt.Errorf("%w: no track in the stream that camgate can play", camgate.ErrNoVideoTrack)
