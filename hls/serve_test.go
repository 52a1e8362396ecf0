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
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	name, _, _ := strings.Cut(file, "?")
	if err := g.Handle(w, r, g.stream, name); err != nil {
		// As the web server does it.
		a := camgate.AnswerTo(err)
		if a.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(a.RetryAfter.Seconds())))
		}
		http.Error(w, err.Error(), a.HTTP)
	}
	return w
}

func (g *gateway) get(t *testing.T, file string) string {
	t.Helper()
	w := g.do(t.Context(), http.MethodGet, file)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", file, w.Code, w.Body)
	}
	return w.Body.String()
}

func TestSmoke(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, g *gateway) {
		g.play(t, load(t, "h264-aac"))
		time.Sleep(3300 * time.Millisecond)
		begin := time.Now()
		t.Log(g.get(t, "index.m3u8"))
		t.Log(g.get(t, "stream.m3u8"))
		t.Log(time.Since(begin))
		time.Sleep(10 * time.Second)
		t.Log(g.get(t, "stream.m3u8?_HLS_skip=YES"))
	})
}
