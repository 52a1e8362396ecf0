package hls

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"github.com/camgate/camgate"
)

const forever = 1000 * time.Hour

// gateway is a Server with one stream, in process.
type gateway struct {
	*Server
	stream *camgate.Stream
	ctx    context.Context
	wg     sync.WaitGroup
}

// inBubble runs f with a running Server in fake time. All goroutines have to end
// once f has returned.
func inBubble(t *testing.T, opts Options, f func(t *testing.T, g *gateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		g := &gateway{Server: New(opts), stream: newStream("cam"), ctx: ctx}
		defer g.wg.Wait()
		defer cancel()
		g.wg.Go(func() { _ = g.Run(ctx) })
		f(t, g)
	})
}

// play publishes c in the background until the test ends.
func (g *gateway) play(t *testing.T, c *clip) {
	g.wg.Go(func() { play(g.ctx, t, g.stream, c, forever) })
}

func (g *gateway) do(ctx context.Context, method, file string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, method, "/cam/"+file, nil)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "remote" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// ServeHTTP answers /NAME/FILE as the web server does.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if err := g.Handle(w, r, g.stream, file); err != nil {
		a := camgate.AnswerTo(err)
		if a.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(a.RetryAfter.Seconds())))
		}
		http.Error(w, err.Error(), a.HTTP)
	}
}

func (g *gateway) get(t *testing.T, file string) string {
	t.Helper()
	w := g.do(t.Context(), http.MethodGet, file)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", file, w.Code, w.Body)
	}
	return w.Body.String()
}

// media reads the media playlist, with another implementation's parser.
func (g *gateway) media(t *testing.T, query string) *playlist.Media {
	t.Helper()
	body := g.get(t, mediaName+query)
	var m playlist.Media
	if err := m.Unmarshal([]byte(body)); err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	return &m
}

// next is the query of a blocking reload for what follows m.
func next(m *playlist.Media) string {
	return "?_HLS_msn=" + strconv.Itoa(m.MediaSequence+len(m.Segments)) + "&_HLS_part=" + strconv.Itoa(len(m.Parts))
}

// live plays the usual clip and waits until the playlist is in full swing.
func (g *gateway) live(t *testing.T) {
	t.Helper()
	g.play(t, load(t, "h264-aac"))
	time.Sleep(time.Second)
	g.get(t, indexName)
	time.Sleep(20*time.Second + 70*time.Millisecond)
}
