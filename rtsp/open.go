package rtsp

import (
	"context"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"github.com/camgate/camgate"
)

// picturesTail is what follows the name of a stream whose pictures are wanted as JPEG.
const picturesTail = "/mjpeg"

func nameOf(path string) string { return strings.Trim(path, "/") }

// find returns the stream of a name. NAME/mjpeg is, unless there is a stream of that name,
// the one of NAME with its pictures as JPEG (pictures).
func (e *endpoint) find(name string) (stream *camgate.Stream, pictures bool, err error) {
	stream, err = e.server.opts.Registry.Get(name)
	of, ok := strings.CutSuffix(name, picturesTail)
	if err == nil || !ok || e.server.opts.Variants == nil {
		return stream, false, err
	}
	if of, missing := e.server.opts.Registry.Get(of); missing == nil {
		return of, true, nil
	}
	return nil, false, err
}

// open finds the stream that a reader asks for, and waits until it has tracks. It is there
// until release.
func (e *endpoint) open(sc *gortsplib.ServerConn, req *base.Request, path string) (_ *camgate.Stream, release func(), err error) {
	name := nameOf(path)
	stream, pictures, missing := e.find(name)
	if pictures {
		name = stream.Name() // who may see it may see its pictures
	}
	if err := e.authorize(sc, req, camgate.ActionRead, name); err != nil {
		return nil, nil, err
	}
	if missing != nil {
		return nil, nil, missing
	}
	ctx, cancel := context.WithTimeout(e.server.ctx, e.server.opts.StartTimeout)
	defer cancel()
	release = func() {}
	if pictures {
		if stream, release, err = e.pictures(ctx, stream); err != nil {
			return nil, nil, err
		}
	}
	if err := carried(ctx, stream); err != nil {
		release()
		return nil, nil, err
	}
	return stream, release, nil
}

// pictures returns the stream with its pictures as JPEG, made where they are none.
func (e *endpoint) pictures(ctx context.Context, of *camgate.Stream) (*camgate.Stream, func(), error) {
	tracks, err := of.Ready(ctx)
	if err != nil {
		return nil, nil, err
	}
	err = camgate.ErrNoVideoTrack
	for _, t := range tracks {
		switch {
		case t.Kind != camgate.Video:
			continue
		case t.Codec == camgate.MJPEG:
			return of, func() {}, nil
		}
		err = nil
	}
	if err != nil {
		return nil, nil, &camgate.StreamError{Op: "show", Stream: of.Name(), Err: err}
	}
	return e.server.opts.Variants.Use(ctx, of, camgate.Variant{Video: camgate.MJPEG})
}

// carried waits until a stream has tracks, with parameters, and tells whether RTSP carries them.
func carried(ctx context.Context, stream *camgate.Stream) error {
	tracks, err := stream.Ready(ctx)
	if err != nil {
		return err
	}
	if err := Judge(tracks); err != nil {
		return err
	}
	awaitParams(ctx, stream)
	return Judge(stream.Tracks())
}

// awaitParams waits for the parameter sets, which some cameras do not name before
// the first keyframe: not all players start without; and for the first JPEG file, which
// tells whether RTP can carry it. It gives up with ctx, or when
// the stream is live and has none all the same.
func awaitParams(ctx context.Context, s *camgate.Stream) {
	for {
		changed := s.Changed()
		if hasParams(s.Tracks()) || s.Status().State == camgate.StateLive {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func hasParams(tracks []*camgate.Track) bool {
	for _, t := range tracks {
		switch p := t.Params(); t.Codec {
		case camgate.H264, camgate.H265:
			if len(p.SPS) == 0 {
				return false
			}
		case camgate.MJPEG:
			if p.Width == 0 {
				return false
			}
		}
	}
	return true
}
