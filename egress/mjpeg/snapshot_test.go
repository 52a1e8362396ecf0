package mjpeg

import (
	"bytes"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/ingest"
)

func TestSnapshot(t *testing.T) {
	for _, tt := range []struct {
		name string
		clip func(testing.TB) *clip
	}{
		{"H264", demoClip}, {"H265", h265Clip}, {"H265 with open GOPs", openClip},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.clip(t)
			f := start(t, Options{})
			stop := play(t, f.stream, c)
			eventually(t, "one second is there", func() bool { return f.stream.Units() > demo.FPS+10 })
			stop() // one keyframe from here on
			begin := time.Now()
			resp, file := f.get("GET", "/cam/snapshot.jpg")
			t.Logf("after %v: %v", time.Since(begin), resp.Header)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", resp.Status, file)
			}
			p := &part{file: file}
			if got := p.decode(t).Bounds().Size(); got != c.size {
				t.Errorf("size %v, want %v", got, c.size)
			}
			if n := p.number(t); n%25 != 0 {
				t.Errorf("picture %d is no keyframe", n)
			}
			h := resp.Header
			if h.Get("Content-Type") != "image/jpeg" || h.Get("Cache-Control") != "no-cache" || h.Get("Last-Modified") == "" {
				t.Errorf("headers %v", h)
			}
			if age, err := strconv.Atoi(h.Get("Age")); err != nil || age > 10 {
				t.Errorf("Age %q", h.Get("Age"))
			}
			again, body := f.get("GET", "/cam/snapshot.jpg", "If-None-Match", h.Get("ETag"))
			if again.StatusCode != http.StatusNotModified || len(body) != 0 {
				t.Errorf("asked again: %s, %d bytes", again.Status, len(body))
			}
			head, body := f.get("HEAD", "/cam/snapshot.jpg")
			if head.StatusCode != http.StatusOK || len(body) != 0 || head.ContentLength != int64(len(file)) {
				t.Errorf("HEAD: %s, length %d of %d", head.Status, head.ContentLength, len(file))
			}
			if st := f.Stats(); st.Snapshots != 1 || st.Decoders != 0 {
				t.Errorf("%+v", st)
			}
			eventually(t, "no child", func() bool { return len(childrenOf(t, os.Getpid())) == 0 })
		})
	}
}

// TestSnapshotFlight lets fifty ask at once: the keyframe is decoded once.
func TestSnapshotFlight(t *testing.T) {
	f := start(t, Options{})
	stop := play(t, f.stream, h264Clip(t))
	eventually(t, "a keyframe is there", func() bool { return f.stream.Units() > 5 })
	stop()
	var wg sync.WaitGroup
	tags := make([]string, 50)
	for i := range tags {
		wg.Go(func() {
			resp, err := http.Get(f.http.URL + "/cam/snapshot.jpg")
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if tags[i] = resp.Header.Get("ETag"); resp.StatusCode != http.StatusOK {
				t.Errorf("%s", resp.Status)
			}
		})
	}
	wg.Wait()
	for _, tag := range tags {
		if tag == "" || tag != tags[0] {
			t.Errorf("ETag %s, another is %s", tag, tags[0])
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if st := f.Stats(); st.Snapshots != 1 {
		t.Errorf("%d decoders", st.Snapshots)
	}
}

// TestSnapshotOfRendition takes pictures while somebody looks: no decoder is
// started for them, and they are as new as his.
func TestSnapshotOfRendition(t *testing.T) {
	f := start(t, Options{})
	play(t, f.stream, h264Clip(t))
	v := f.view()
	for range 3 {
		p := v.must()
		resp, file := f.get("GET", "/cam/snapshot.jpg")
		if resp.StatusCode != http.StatusOK || !bytes.HasPrefix(file, []byte{0xff, 0xd8}) {
			t.Fatalf("%s, %d bytes", resp.Status, len(file))
		}
		s, _ := strconv.ParseFloat(resp.Header.Get("X-Timestamp"), 64)
		if at := time.UnixMicro(int64(s * 1e6)); at.Before(p.at.Add(-time.Millisecond)) {
			t.Errorf("taken %v before the viewer's picture", p.at.Sub(at))
		}
	}
	if st := f.Stats(); st.Snapshots != 0 || st.Decoders != 1 {
		t.Errorf("%+v", st)
	}
}

// TestSnapshotIsNewAgain looks whether a later keyframe gives another picture.
func TestSnapshotIsNewAgain(t *testing.T) {
	f := start(t, Options{SnapshotAge: time.Millisecond})
	play(t, f.stream, h264Clip(t))
	eventually(t, "a keyframe is there", func() bool { return f.stream.Units() > 0 })
	first, _ := f.get("GET", "/cam/snapshot.jpg")
	eventually(t, "another picture", func() bool {
		resp, _ := f.get("GET", "/cam/snapshot.jpg", "If-None-Match", first.Header.Get("ETag"))
		return resp.StatusCode == http.StatusOK
	})
	if st := f.Stats(); st.Snapshots != 2 {
		t.Errorf("%d keyframes were decoded", st.Snapshots)
	}
}

// TestSnapshotHangs has a decoder that never answers and does not want to end.
func TestSnapshotHangs(t *testing.T) {
	f := start(t, Options{FFmpeg: script(t, deaf), SnapshotTimeout: 300 * time.Millisecond})
	play(t, f.stream, h264Clip(t))
	eventually(t, "a keyframe is there", func() bool { return f.stream.Units() > 0 })
	begin := time.Now()
	resp, body := f.get("GET", "/cam/snapshot.jpg")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s: %s", resp.Status, body)
	}
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("it took %v", d)
	}
	eventually(t, "no child", func() bool { return len(childrenOf(t, os.Getpid())) == 0 })
}

// TestSnapshotOfOldPicture has a source that stopped long ago.
func TestSnapshotOfOldPicture(t *testing.T) {
	stopped := func(patience time.Duration) (f *fixture, publish func(at time.Duration)) {
		f = start(t, Options{StartTimeout: patience})
		track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.stream.Start([]*camgate.Track{track}); err != nil {
			t.Fatal(err)
		}
		publish = func(at time.Duration) {
			f.stream.Publish(&camgate.Unit{Track: track, PTS: track.Ticks(at), AU: [][]byte{testJPEG(t, 32, 16, 9)}, RandomAccess: true})
		}
		publish(f.stream.Now() - maxAge - time.Second)
		return f, publish
	}
	f, _ := stopped(200 * time.Millisecond)
	resp, body := f.get("GET", "/cam/snapshot.jpg")
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s: %s", resp.Status, body)
	}
	f, publish := stopped(time.Minute)
	f.stream.SetStatus(camgate.Status{State: camgate.StateRetrying, Err: camgate.ErrConnectionFailed})
	begin := time.Now()
	resp, body = f.get("GET", "/cam/snapshot.jpg")
	if resp.StatusCode != http.StatusServiceUnavailable || time.Since(begin) > 5*time.Second {
		t.Errorf("%s after %v: %s", resp.Status, time.Since(begin), body)
	}
	if got := reasonIn(t, body); got != "stream is not ready: no picture yet: the source is retrying: connection failed" {
		t.Errorf("reason %q", got)
	}
	publish(f.stream.Now())
	if resp, body = f.get("GET", "/cam/snapshot.jpg"); resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", resp.Status, body)
	}
}
