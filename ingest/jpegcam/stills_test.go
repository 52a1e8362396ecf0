package jpegcam

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestStills(t *testing.T) {
	list := files(t, 4)
	for _, tagged := range []bool{false, true} {
		var asked, unchanged, conns atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := int(asked.Add(1)-1) / 3 % len(list) // each of them three times
			if tagged {
				tag := strconv.Quote(strconv.Itoa(n))
				w.Header().Set("ETag", tag)
				if r.Header.Get("If-None-Match") == tag {
					unchanged.Add(1)
					w.WriteHeader(http.StatusNotModified)
					return
				}
			}
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = w.Write(list[n])
		}))
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				conns.Add(1)
			}
		}
		server.Start()
		got := take(t, newSource(t, Options{Interval: 2 * time.Millisecond, Repeat: time.Hour}, "http+jpeg://"+server.Listener.Addr().String()+"/snap.jpg"), 4)
		server.Close()
		if len(got.units) != len(list) || !errors.Is(got.err, context.Canceled) {
			t.Fatalf("%d pictures, %v", len(got.units), got.err)
		}
		for i, u := range got.units {
			if i > 0 && bytes.Equal(u.AU[0], got.units[i-1].AU[0]) {
				t.Errorf("picture %d comes twice", i)
			}
		}
		if conns.Load() != 1 {
			t.Errorf("%d connections for %d pictures", conns.Load(), asked.Load())
		}
		if tagged && unchanged.Load() < 6 {
			t.Errorf("%d of %d pictures were not sent again", unchanged.Load(), asked.Load())
		}
	}
}

// TestStillRepeats: who waits for pictures sees that the camera is there, and the
// camera is not asked more often for it.
func TestStillRepeats(t *testing.T) {
	var asked atomic.Int32
	host := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(file(t, 7))
	})
	got := take(t, newSource(t, Options{Interval: time.Hour, Repeat: 2 * time.Millisecond}, "http+jpeg://"+host), 5)
	if len(got.units) != 5 || asked.Load() != 1 {
		t.Errorf("%d pictures of %d requests, %v", len(got.units), asked.Load(), got.err)
	}
}

// TestStillWithoutRest: a camera that says more than it sends costs no time out.
func TestStillWithoutRest(t *testing.T) {
	list := files(t, 3)
	var asked atomic.Int32
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b := list[int(asked.Add(1)-1)%len(list)]
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", strconv.Itoa(len(b)+10))
		_, _ = w.Write(b)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	began := time.Now()
	got := take(t, newSource(t, Options{Interval: time.Millisecond, Timeout: 10 * time.Second}, "http+jpeg://"+host), 3)
	if took := time.Since(began); len(got.units) != 3 || took > 5*time.Second {
		t.Errorf("%d pictures after %s, %v", len(got.units), took, got.err)
	}
}

func TestStillTimeout(t *testing.T) {
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(soi))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	got := take(t, newSource(t, Options{Timeout: 50 * time.Millisecond}, "http+jpeg://"+host), 1)
	if !errors.Is(got.err, camgate.ErrTimeout) {
		t.Errorf("got %v", got.err)
	}
}
