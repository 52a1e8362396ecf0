package mjpeg

import (
	"bufio"
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate/cmd/camgate/demo"
)

func TestParse(t *testing.T) {
	s := New(Options{})
	for _, tt := range []struct {
		query, want string // an error begins with !
	}{
		{"", ""},
		{"t=1732181&action=stream", ""},
		{"width=640&fps=5&quality=70", "width=640 fps=5 quality=70"},
		{"width=641", "width=800"},
		{"width=1", "width=160"},
		{"width=4096", ""},
		{"fps=7", "fps=5"},
		{"fps=0.2", "fps=1"},
		{"fps=60", ""},
		{"quality=1", "quality=20"},
		{"quality=79", "quality=85"},
		{"quality=100", "quality=95"},
		{"width=0", "!width: write a number from 1 to 16384"},
		{"width=wide", "!width: "},
		{"width=", "!width: "},
		{"width=NaN", "!width: "},
		{"fps=0", "!fps: "},
		{"fps=-1", "!fps: "},
		{"fps=1e9", "!fps: "},
		{"quality=101", "!quality: write a number from 1 to 100"},
		{"max_age=-1", "!max_age: "},
		{"adapt=yes", "!adapt: write 0 or 1"},
	} {
		q, err := s.parse(httptest.NewRequest("GET", "/cam/mjpeg?"+tt.query, nil))
		if reason, bad := strings.CutPrefix(tt.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%q: %v, want %q", tt.query, err, reason)
			}
		} else if err != nil || q.String() != tt.want {
			t.Errorf("%q: %q, %v, want %q", tt.query, q, err, tt.want)
		}
	}
	r := httptest.NewRequest("GET", "/cam/snapshot.jpg", nil)
	r.Header.Set("Cache-Control", "no-transform, Max-Age=5")
	if q, err := s.parse(r); err != nil || q.maxAge != 5*time.Second {
		t.Errorf("max-age: %v, %v", q.maxAge, err)
	}
}

// look begins to view a stream in a shape.
func (f *fixture) look(query string) (*viewer, *http.Response) {
	f.t.Helper()
	resp, err := f.http.Client().Get(f.http.URL + "/cam/mjpeg?" + query)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		f.t.Fatalf("%s: %s %s", query, resp.Status, b)
	}
	return viewerOf(f.t, resp), resp
}

func widthOf(t *testing.T, file []byte) int {
	t.Helper()
	c, err := jpeg.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return c.Width
}

// TestShapes has viewers who want other pictures than those that are made anyway: each
// shape is made once.
func TestShapes(t *testing.T) {
	f := start(t, Options{MaxRenditions: 2})
	play(t, f.stream, demoClip(t)) // 1280x720
	whole := f.view()
	full := len(whole.must().file)
	for range 3 {
		v, resp := f.look("width=600&fps=5&quality=50")
		if got := resp.Header.Get(ShapeHeader); got != "width=640 fps=5 quality=50" {
			t.Errorf("shape %q", got)
		}
		p := v.must()
		if w := widthOf(t, p.file); w != 640 || len(p.file) > full/2 {
			t.Errorf("%d columns, %d bytes; whole has %d bytes", w, len(p.file), full)
		}
		v.must()
		if last, next := v.must(), v.must(); next.at.Sub(last.at) < 160*time.Millisecond {
			t.Errorf("%v between two pictures", next.at.Sub(last.at))
		}
	}
	if st := f.Stats(); st.Decoders != 2 || st.Decoding != 2 {
		t.Errorf("%+v", st)
	}
	// What has the size, rate and quality anyway is not made again.
	same, resp := f.look("width=1280&fps=30&quality=85")
	same.must()
	if got := resp.Header.Get(ShapeHeader); got != "" || f.Stats().Decoders != 2 {
		t.Errorf("shape %q, %+v", got, f.Stats())
	}
	small, _ := f.look("width=160")
	small.must()
	third, body := f.get("GET", "/cam/mjpeg?width=320")
	if third.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "mjpeg.max_renditions") {
		t.Errorf("%s %s", third.Status, body)
	}
	if bad, body := f.get("GET", "/cam/mjpeg?fps=x"); bad.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "fps: ") {
		t.Errorf("%s %s", bad.Status, body)
	}
}

// TestShapesOfJPEG has a camera of JPEGs: fewer of them cost nothing, others are made.
func TestShapesOfJPEG(t *testing.T) {
	f := start(t, Options{})
	jpegs(t, f.stream, 1000) // 64x48, 25 a second
	v, _ := f.look("fps=5&width=160")
	last := v.must()
	if d := v.must().at.Sub(last.at); d < 160*time.Millisecond {
		t.Errorf("%v between two pictures", d)
	}
	if st := f.Stats(); st.Decoders != 0 {
		t.Errorf("%+v", st)
	}
	other, _ := f.look("quality=20")
	if file := other.must().file; widthOf(t, file) != 64 || f.Stats().Decoders != 1 {
		t.Errorf("%+v", f.Stats())
	}
	if resp, file := f.get("GET", "/cam/snapshot.jpg?quality=35"); resp.StatusCode != http.StatusOK || widthOf(t, file) != 64 {
		t.Errorf("%s", resp.Status)
	}
}

func TestSnapshotShapes(t *testing.T) {
	f := start(t, Options{})
	stop := play(t, f.stream, demoClip(t))
	eventually(t, "one second is there", func() bool { return f.stream.Units() > demo.FPS+10 })
	stop()
	tags := map[string]bool{}
	for query, width := range map[string]int{"": 1280, "?width=320": 320, "?width=640&quality=20": 640, "?width=640&fps=1": 640} {
		resp, file := f.get("GET", "/cam/snapshot.jpg"+query)
		if resp.StatusCode != http.StatusOK || widthOf(t, file) != width {
			t.Errorf("%s: %s", query, resp.Status)
		}
		tags[resp.Header.Get("ETag")] = true
		again, body := f.get("GET", "/cam/snapshot.jpg"+query, "If-None-Match", resp.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || len(body) != 0 {
			t.Errorf("%s again: %s", query, again.Status)
		}
	}
	if len(tags) != 4 || f.Stats().Snapshots != 4 {
		t.Errorf("%v, %+v", tags, f.Stats())
	}
	for n := range 9 { // nobody can make the gateway keep one of each
		if resp, body := f.get("GET", fmt.Sprintf("/cam/snapshot.jpg?width=%d&quality=%d", 160+n%6*160, 20+n*8)); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Status, body)
		}
	}
	f.snapshots.mu.Lock()
	defer f.snapshots.mu.Unlock()
	if n := len(f.snapshots.entries); n > 7 {
		t.Errorf("%d are kept", n)
	}
}

// TestSnapshotAge asks for pictures that are younger than the newest keyframe.
func TestSnapshotAge(t *testing.T) {
	f := start(t, Options{})
	play(t, f.stream, demoClip(t)) // a keyframe each two seconds
	eventually(t, "a keyframe is old", func() bool {
		u := f.stream.Units()
		return u > 20 && u%50 > 15
	})
	taken := func(resp *http.Response) time.Time {
		s, err := strconv.ParseFloat(resp.Header.Get("X-Timestamp"), 64)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %v", resp.Status, err)
		}
		return time.UnixMicro(int64(s * 1e6))
	}
	begin := time.Now()
	first, _ := f.get("GET", "/cam/snapshot.jpg?max_age=0")
	if at := taken(first); at.Before(begin.Add(-5 * time.Millisecond)) {
		t.Errorf("taken %v before the call", begin.Sub(at))
	}
	t.Logf("a new one took %v", time.Since(begin))
	before := f.Stats().Snapshots
	second, _ := f.get("GET", "/cam/snapshot.jpg", "Cache-Control", "max-age=1")
	if at := taken(second); time.Since(at) > 1500*time.Millisecond {
		t.Errorf("it is %v old", time.Since(at))
	}
	cached, _ := f.get("GET", "/cam/snapshot.jpg?max_age=60&width=320")
	again, _ := f.get("GET", "/cam/snapshot.jpg?max_age=60&width=320")
	if cached.Header.Get("ETag") != again.Header.Get("ETag") || again.Header.Get("Cache-Control") != "max-age=60" {
		t.Errorf("%v, then %v", cached.Header, again.Header)
	}
	if st := f.Stats(); st.Decoders != 1 || st.Snapshots != before+1 {
		t.Errorf("%+v", st)
	}
}

func TestThrift(t *testing.T) {
	now := time.Unix(0, 0)
	th := thrift{most: 2, wait: calmBefore}
	spend := func(d time.Duration, share float64) int {
		for end := now.Add(d); now.Before(end); {
			now = now.Add(100 * time.Millisecond)
			th.note(now, time.Duration(share*1e8))
		}
		return th.step
	}
	for i, tt := range []struct {
		d     time.Duration
		share float64
		want  int
	}{
		{10 * time.Second, 0.5, 0},  // busy, but in time
		{3 * time.Second, 0.95, 1},  // full
		{20 * time.Second, 0.5, 1},  // as it is
		{5 * time.Second, 0.95, 2},  // still full
		{10 * time.Second, 0.95, 2}, // there is no less
		{8 * time.Second, 0.05, 2},
		{6 * time.Second, 0.05, 1},  // room
		{3 * time.Second, 0.95, 2},  // it was too early
		{14 * time.Second, 0.05, 2}, // so it takes twice as long
		{10 * time.Second, 0.05, 1},
	} {
		if got := spend(tt.d, tt.share); got != tt.want {
			t.Fatalf("%d: step %d, want %d", i, got, tt.want)
		}
	}
}

// TestNarrowNetwork has a viewer whose network takes a part of the pictures: it gets smaller
// ones, and those that are asked for by nobody else are not made any more when it is gone.
func TestNarrowNetwork(t *testing.T) {
	f := start(t, Options{Idle: 100 * time.Millisecond})
	play(t, f.stream, demoClip(t))
	conn := dial(t, f, false)
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /cam/mjpeg HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	narrow := &slowly{r: conn, rate: 150 << 10}
	resp, err := http.ReadResponse(bufio.NewReaderSize(narrow, 4096), nil)
	if err != nil {
		t.Fatal(err)
	}
	v := viewerOf(t, resp)
	for deadline := time.Now().Add(25 * time.Second); ; {
		if p := v.must(); widthOf(t, p.file) <= 640 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the pictures stay as large as they are")
		}
	}
	if n := len(f.stream.Info().Readers); n > 3 { // the viewer, and its decoders
		t.Errorf("%d readers", n)
	}
	conn.Close()
	eventually(t, "no decoder", func() bool { return f.Stats().Decoding == 0 })
}

// slowly reads at a rate of bytes per second.
type slowly struct {
	r     io.Reader
	rate  int
	ready time.Time
}

func (s *slowly) Read(p []byte) (int, error) {
	if d := time.Until(s.ready); d > 0 {
		<-time.After(d)
	}
	n, err := s.r.Read(p)
	s.ready = time.Now().Add(time.Duration(n) * time.Second / time.Duration(s.rate))
	return n, err
}
