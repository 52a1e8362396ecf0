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
	if out.demuxer = d; len(d.Tracks()) == 0 {
		return errNoTrack
	}
	if out.writer, err = ingest.NewWriter(stream, d.Tracks()); err != nil {
		return err
	}
	defer out.writer.Close()
	for {
		if err := d.Read(); err != nil {
			return err
		}
	}
}

var errNoTrack = fmt.Errorf("%w: no track in the stream that camgate can play", camgate.ErrNoVideoTrack)
