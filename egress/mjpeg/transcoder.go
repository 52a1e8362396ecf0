package mjpeg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/ingest"
)

// How a decoder that died is started again while there are viewers.
const (
	restartMin   = 200 * time.Millisecond
	restartMax   = 10 * time.Second
	restartReset = 30 * time.Second // of work without trouble
)

// maxDecoderLag is how far a decoder may be behind before it is taken to the
// newest keyframe.
const maxDecoderLag = time.Second

// transcoder makes a stream of JPEGs of a stream of other pictures, or of JPEGs that are
// to be other ones.
type transcoder struct {
	server    *Server
	wanted    // what is decoded, and into what
	rendition *camgate.Stream
	track     *camgate.Track // of the rendition; nil: see err
	err       error          // why there is none
	behind    time.Duration  // the rendition's clock, to the stream's
	log       *slog.Logger

	mu   sync.Mutex
	last *camgate.Unit // published
}

// show lets nobody ask for the newest picture between a viewer's having it and ours.
func (t *transcoder) show(u *camgate.Unit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rendition.Publish(u)
	t.last = u
}

// newest returns the newest picture, nil before the first one.
func (t *transcoder) newest() *camgate.Unit {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (s *Server) newTranscoder(w wanted) *transcoder {
	stream := w.stream
	limits := stream.Limits()
	// Viewers take the newest picture: nothing is kept for laggards.
	limits.Ring = camgate.RingLimits{Window: 2 * maxViewerLag}
	t := &transcoder{
		server: s, wanted: w,
		rendition: camgate.NewRendition(stream.Name()+"/mjpeg", limits),
		log:       s.log.With("stream", stream.Name()),
	}
	t.behind = stream.Now() - t.rendition.Now()
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
	if err != nil {
		t.err = err
		return t
	}
	tracks, err := t.rendition.Start([]*camgate.Track{track})
	if err != nil {
		t.err = err
		return t
	}
	t.track = tracks[0]
	return t
}

// Run decodes until ctx ends, the stream does, or it cannot be decoded. A decoder
// that has worked and dies is replaced; one that never worked is for its viewers
// to hear of.
func (t *transcoder) Run(ctx context.Context) error {
	defer t.rendition.Close()
	if t.err != nil {
		return t.err
	}
	if err := t.server.admit(t); err != nil {
		return err
	}
	defer t.server.dismiss(t)
	wait := restartMin
	for {
		begin, before := time.Now(), t.rendition.Units()
		err := t.decode(ctx)
		if err == nil {
			err = fmt.Errorf("%w: the decoder ended", camgate.ErrDecoder)
		}
		worked := t.rendition.Units() > before
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errNewParams), errors.Is(err, camgate.ErrTracksChanged), t.server.tooNew(err):
			continue
		case !errors.Is(err, camgate.ErrDecoder) && !errors.Is(err, camgate.ErrTimeout), !worked && t.rendition.Units() == 0:
			return err
		}
		if worked && time.Since(begin) > restartReset {
			wait = restartMin
		}
		t.server.counters.failures.Add(1)
		t.rendition.SetStatus(camgate.Status{State: camgate.StateRetrying, Err: err, Retry: time.Now().Add(wait)})
		t.log.Warn("JPEG decoder ended, it is started again", "err", err, "in", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, restartMax)
	}
}

// decode runs one decoder, from when there is something to decode until it ends.
func (t *transcoder) decode(ctx context.Context) error {
	tracks, err := t.stream.Ready(ctx)
	if err != nil {
		return err
	}
	track, err := videoTrack(tracks)
	switch {
	case err != nil:
		return err
	case track.Codec == camgate.MJPEG && !t.encoded():
		return camgate.ErrClosed // viewers have a better way now
	}
	reader, err := t.stream.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks: []*camgate.Track{track}, MaxLag: maxDecoderLag, Protocol: "mjpeg", Internal: true, Logger: t.log,
	})
	if err != nil {
		return err
	}
	defer reader.Close()
	first, err := reader.Next()
	if err != nil {
		return err
	}
	select {
	case t.server.decoders <- struct{}{}:
		defer func() { <-t.server.decoders }()
	default:
		return t.server.tooManyDecoders()
	}
	path, err := t.server.ffmpeg()
	if err != nil {
		return err
	}
	s := &session{transcoder: t, reader: reader, source: track, params: track.Params(), base: first.Time()}
	edge := s.ticks(first)
	if u := reader.Edge(track); u != nil && u.PTS > first.PTS {
		edge = s.ticks(u)
	}
	t.server.counters.decoders.Add(1)
	return ofDecoder(child.Run(ctx, t.server.live(path, edge, t.shape), func(p *child.Process) error {
		return s.run(p, first)
	}))
}

// Judge tells of which track viewers get pictures, and whether ffmpeg makes them. It is
// decided as for a viewer: the error wraps ErrNoVideoTrack, ErrUnsupportedCodec, or
// ErrNotInstalled when ffmpeg (a name in PATH or a file; empty: "ffmpeg") is needed and
// not there.
func Judge(tracks []*camgate.Track, ffmpeg string) (track *camgate.Track, decoded bool, err error) {
	track, err = videoTrack(tracks)
	if err != nil || track.Codec == camgate.MJPEG {
		return track, false, err
	}
	_, err = (&Server{opts: Options{FFmpeg: ffmpeg}.withDefaults()}).ffmpeg()
	return track, true, err
}

// videoTrack returns the first track that JPEGs can be made of.
func videoTrack(tracks []*camgate.Track) (*camgate.Track, error) {
	err := camgate.ErrNoVideoTrack
	for _, t := range tracks {
		if t.Codec.Decodable() {
			return t, nil
		}
		if t.Kind == camgate.Video {
			err = fmt.Errorf("%w: %s cannot be made into JPEG", camgate.ErrUnsupportedCodec, t.Codec)
		}
	}
	return nil, err
}
