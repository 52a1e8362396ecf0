package mjpeg

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/ingest"
)

// jpegs publishes JPEGs of about the given size, each with its number in it, at
// 25 per second until stop is called. It returns the number of the newest.
func jpegs(t testing.TB, s *camgate.Stream, size int) (newest func() int) {
	t.Helper()
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
	if err != nil {
		t.Fatal(err)
	}
	w, err := ingest.NewWriter(s, []*camgate.Track{track})
	if err != nil {
		t.Fatal(err)
	}
	base := testJPEG(t, 64, 48, 70)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.Close()
		tick := time.NewTicker(frame)
		defer tick.Stop()
		begin := time.Now()
		for i := 0; ; i++ {
			file := append(bytes.Clone(base), make([]byte, max(0, size-len(base)))...) // what follows the end is ignored
			if err := w.Write(ingest.Sample{PTS: track.Ticks(time.Since(begin)), AU: [][]byte{file}}); err != nil {
				t.Errorf("picture %d: %v", i, err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return func() int { return int(s.Units()) }
}

// TestPassThrough has a camera of JPEGs without Huffman tables: no decoder, and
// complete files.
func TestPassThrough(t *testing.T) {
	f := start(t, Options{FFmpeg: "/nonexistent"})
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
	if err != nil {
		t.Fatal(err)
	}
	w, err := ingest.NewWriter(f.stream, []*camgate.Track{track})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	whole := testJPEG(t, 64, 48, 10)
	bare := withoutTables(t, whole)
	send := func(n int, file []byte) {
		if err := w.Write(ingest.Sample{PTS: track.Ticks(time.Duration(n) * frame), AU: [][]byte{file}}); err != nil {
			t.Fatal(err)
		}
	}
	send(0, bytes.Clone(bare))
	v := f.view()
	for n := range 5 {
		if p := v.must(); !bytes.Equal(p.file, whole) {
			t.Errorf("picture %d: %d bytes, want %d", n, len(p.file), len(whole))
		}
		if resp, file := f.get("GET", "/cam/snapshot.jpg"); !bytes.Equal(file, whole) {
			t.Errorf("snapshot: %s, %d bytes, want %d", resp.Status, len(file), len(whole))
		}
		send(n+1, bytes.Clone(bare))
	}
	info := f.stream.Info()
	if len(info.Readers) != 1 || info.Readers[0].Protocol != "mjpeg" || info.Readers[0].Bytes == 0 {
		t.Errorf("readers %+v", info.Readers)
	}
}

// TestSlowViewer has one who takes a picture now and then: each is new.
func TestSlowViewer(t *testing.T) {
	f := start(t, Options{Steady: true})
	jpegs(t, f.stream, 500_000) // more than there is room for on the way
	v := f.view()
	const pause = 400 * time.Millisecond
	var last time.Time
	for n := range 12 {
		p := v.must()
		// What is under way when he does not read is as old as he is slow.
		if n > 2 && p.delay > 1500*time.Millisecond {
			t.Errorf("picture %d is %v old", n, p.delay)
		}
		if n > 4 && p.at.Sub(last) < pause-2*frame {
			t.Errorf("picture %d is %v after the one before", n, p.at.Sub(last))
		}
		last = p.at
		<-time.After(pause)
	}
	skipped := uint64(0)
	for _, n := range f.stream.Info().Skipped {
		skipped += n
	}
	if skipped < 60 {
		t.Errorf("%d pictures were skipped", skipped)
	}
}

// dial connects to the fixture's handler over plain TCP or TLS.
func dial(t testing.TB, f *fixture, secure bool) net.Conn {
	t.Helper()
	server := f.http
	if secure {
		server = httptest.NewTLSServer(f.http.Config.Handler)
		t.Cleanup(server.Close)
	}
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	if secure {
		return tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return conn
}

// TestViewerLeaves looks whether one who leaves while no pictures come is noticed.
func TestViewerLeaves(t *testing.T) {
	f := start(t, Options{})
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG})
	if err != nil {
		t.Fatal(err)
	}
	w, err := ingest.NewWriter(f.stream, []*camgate.Track{track})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(ingest.Sample{AU: [][]byte{testJPEG(t, 16, 16, 1)}}); err != nil {
		t.Fatal(err)
	}
	v := f.view()
	v.must()
	v.close()
	eventually(t, "it is noticed", func() bool { n, _ := f.stream.Demand(); return n == 0 })
	eventually(t, "the log says why", func() bool { return f.log.has(`reason="the viewer is gone"`) })
}

// TestProtocols views by HTTP/1.0, as small devices do, and by HTTP/2.
func TestProtocols(t *testing.T) {
	f := start(t, Options{})
	jpegs(t, f.stream, 1000)
	t.Run("HTTP/1.0", func(t *testing.T) {
		conn := dial(t, f, false)
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /cam/mjpeg HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.TransferEncoding) != 0 || resp.ContentLength != -1 || !resp.Close {
			t.Errorf("%+v", resp)
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		server := httptest.NewUnstartedServer(f.http.Config.Handler)
		server.EnableHTTP2 = true
		server.StartTLS()
		defer server.Close()
		defer server.Client().CloseIdleConnections()
		resp, err := server.Client().Get(server.URL + "/cam/mjpeg")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Proto, resp.Status)
		}
		v := viewerOf(t, resp)
		for range 5 {
			v.must()
		}
	})
}

// TestTracksChange has a camera that is set to another size, then to JPEG: its
// viewers go on in the same response.
func TestTracksChange(t *testing.T) {
	f := start(t, Options{})
	stop := play(t, f.stream, h264Clip(t))
	v := f.view()
	width := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
			c, err := jpeg.DecodeConfig(bytes.NewReader(v.must().file))
			if err != nil {
				t.Fatal(err)
			}
			if c.Width == want {
				return
			}
		}
		t.Fatalf("no picture of width %d", want)
	}
	width(640)
	stop()
	stop = play(t, f.stream, demoClip(t)) // the same codec, another size
	width(1280)
	stop()
	stop = play(t, f.stream, h265Clip(t))
	width(640)
	stop()
	jpegs(t, f.stream, 1000)
	width(64)
	eventually(t, "no child", func() bool { return len(childrenOf(t, os.Getpid())) == 0 })
	if st := f.Stats(); st.Failures != 0 {
		t.Errorf("%+v", st)
	}
}

// BenchmarkViewer is what a picture costs for each viewer.
func BenchmarkViewer(b *testing.B) {
	client, server := net.Pipe()
	defer client.Close()
	go func() { _, _ = io.Copy(io.Discard, client) }()
	_, out := newSocket(b.Context(), server, time.Minute)
	defer out.close()
	u := &camgate.Unit{AU: [][]byte{testJPEG(b, 640, 360, 3)}, NTP: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := out.picture(u); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstPicture is what the first viewer of a stream waits, the start of
// the decoder included, at any moment of a GOP of 2 s.
func BenchmarkFirstPicture(b *testing.B) {
	f := start(b, Options{Idle: time.Millisecond})
	play(b, f.stream, demoClip(b))
	eventually(b, "one second is there", func() bool { return f.stream.Units() > demo.FPS })
	for b.Loop() {
		v := f.view()
		v.must()
		b.StopTimer()
		v.close()
		eventually(b, "the decoder is gone", func() bool { return len(childrenOf(b, os.Getpid())) == 0 })
		b.StartTimer()
	}
}
