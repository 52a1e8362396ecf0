package hls

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// A viewer is who asks for playlists from one address with one kind of player: HTTP
// knows no sessions. One who has not asked for this long has left.
const viewerTimeout = 10 * time.Second

type viewerKey struct{ host, agent string }

// viewer has a place among the viewers of the stream: a reader that reads nothing,
// and so costs nothing, but is counted and listed.
type viewer struct {
	place *camgate.Reader
	seen  time.Time
}

// viewers are those of one stream.
type viewers struct {
	stream *camgate.Stream

	mu     sync.Mutex
	closed bool
	all    map[viewerKey]*viewer
	swept  time.Time
}

func newViewers(st *camgate.Stream) *viewers {
	return &viewers{stream: st, all: map[viewerKey]*viewer{}}
}

func keyOf(r *http.Request) viewerKey {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return viewerKey{host, r.UserAgent()}
}

// enter finds or makes the place of who asks. It fails with ErrTooManyReaders when
// there is none left.
func (v *viewers) enter(r *http.Request) error {
	key, now := keyOf(r), time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweep(now)
	if known := v.all[key]; known != nil {
		known.seen = now
		return nil
	}
	if v.closed {
		return nil
	}
	place, err := v.stream.Subscribe(context.WithoutCancel(r.Context()), camgate.SubscribeOptions{Protocol: "hls", Remote: r.RemoteAddr})
	if err != nil {
		return err
	}
	v.all[key] = &viewer{place: place, seen: now}
	return nil
}

// sent counts bytes for who asked for them.
func (v *viewers) sent(r *http.Request, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if known := v.all[keyOf(r)]; known != nil {
		known.seen = time.Now()
		known.place.Sent(n)
	}
}

// leave lets those go who have left.
func (v *viewers) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweep(time.Now())
}

// sweep does the work of leave, once a second; mu is held.
func (v *viewers) sweep(now time.Time) {
	if now.Sub(v.swept) < time.Second {
		return
	}
	v.swept = now
	for key, known := range v.all {
		if now.Sub(known.seen) > viewerTimeout {
			known.place.Close()
			delete(v.all, key)
		}
	}
}

// close ends all places; there are no more.
func (v *viewers) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for key, known := range v.all {
		known.place.Close()
		delete(v.all, key)
	}
}
