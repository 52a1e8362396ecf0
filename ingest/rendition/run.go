package rendition

import (
	"context"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/encode"
)

// run is one session of one encoder, or what is left of it.
type run struct {
	encoder  Encoder
	session  Session
	settings Settings
	params   *camgate.Params // of the pictures that go in
	reader   *camgate.Reader
	cancel   context.CancelCauseFunc
	began    time.Time
	first    time.Time // when its first picture came, while something else fills the stream
	err      error     // once ended
}

// adjust changes a run to settings that differ in the bitrate only.
func (r *run) adjust(to Settings) bool {
	as := r.settings
	as.Bitrate = to.Bitrate
	if as != to || to.Bitrate == 0 || !r.session.SetBitrate(to.Bitrate) {
		return false
	}
	r.settings = to
	return true
}

// subscribe reads the parent's picture, up to the first one, which the caller releases.
func (e *encoding) subscribe(ctx context.Context) (*camgate.Reader, *camgate.Unit, error) {
	reader, err := e.source.parent.Subscribe(ctx, camgate.SubscribeOptions{
		Tracks: []*camgate.Track{e.main}, MaxLag: maxEncoderLag, Protocol: protocol, Internal: true, Logger: e.source.log,
	})
	if err != nil {
		return nil, nil, err
	}
	for {
		u, err := reader.Next()
		if err != nil {
			reader.Close()
			return nil, nil, err
		}
		if u.Hold() {
			return reader, u, nil
		}
	}
}

// run lets a run go on until it ends.
func (e *encoding) run(outer context.Context, all *sync.WaitGroup, r *run, first *camgate.Unit) {
	var ctx context.Context
	ctx, r.cancel = context.WithCancelCause(outer)
	e.mu.Lock()
	if e.next != nil {
		e.next.cancel(errReplaced)
	}
	e.next = r
	e.mu.Unlock()
	e.source.log.Debug("encoder begins", "encoder", r.encoder.Name())
	all.Go(func() {
		stop := context.AfterFunc(ctx, r.reader.Close)
		r.err = r.session.Run(ctx, r.pictures(first), func(p encode.Picture) error { return e.show(r, p) })
		stop()
		r.reader.Close()
		if cause := context.Cause(ctx); cause != nil {
			r.err = cause
		}
		r.cancel(nil)
		select {
		case e.ended <- r:
		case <-outer.Done(): // nobody asks any more
		}
	})
}

// pictures returns what a run reads.
func (r *run) pictures(u *camgate.Unit) func(context.Context) (encode.Picture, error) {
	return func(context.Context) (encode.Picture, error) {
		for {
			if u == nil {
				var err error
				if u, err = r.reader.Next(); err != nil {
					return encode.Picture{}, err
				}
				if !u.Hold() {
					u = nil
					continue
				}
			}
			now := u
			u = nil
			if params := now.Track.Params(); params != r.params && now.RandomAccess {
				if !sameForm(params, r.params) {
					now.Release()
					return encode.Picture{}, errNewFormat
				}
				r.params = params
			}
			return encode.Picture{Time: now.Time(), AU: now.AU, Key: now.RandomAccess, Release: now.Release}, nil
		}
	}
}

// sameForm tells whether pictures of a track can go into one session.
func sameForm(a, b *camgate.Params) bool {
	return a.Width == b.Width && a.Height == b.Height && a.Pixels == b.Pixels && a.Stride == b.Stride && a.Fields == b.Fields
}
