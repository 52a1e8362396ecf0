package rtsp

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// JPEG that RTP cannot carry is refused with the reason, in place of silence: also when
// the viewer was there before the first picture.
func TestJPEGThatRTPCannotCarry(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	progressive := bytes.Replace(good, []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	g := newGateway(t, nil)
	stream := g.stream(t, "cam")
	w, err := ingest.NewWriter(stream, []*camgate.Track{newTrack(t, camgate.TrackOptions{Codec: camgate.MJPEG})})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ask := func(method, path string) *bufio.Reader {
		t.Helper()
		conn, err := net.Dial("tcp", g.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "%s %s%s RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n", method, g.url("cam"), path)
		return bufio.NewReader(conn)
	}
	early := ask("DESCRIBE", "")
	eventually(t, "the viewer waits", func() bool { n, _ := stream.Demand(); return n > 0 || len(stream.Info().Tracks) > 0 })
	at := int64(0)
	show := func(file []byte) {
		t.Helper()
		at += 9000
		if err := w.Write(ingest.Sample{PTS: at, AU: [][]byte{bytes.Clone(file)}}); err != nil {
			t.Fatal(err)
		}
	}
	show(progressive)
	const want = "RTSP/1.0 415 Unsupported Media Type: RTP cannot carry these JPEG files (RFC 2435): they are progressive JPEG\r\n"
	for name, answer := range map[string]*bufio.Reader{"early": early, "DESCRIBE": ask("DESCRIBE", ""), "SETUP": ask("SETUP", "/trackID=0")} {
		if line, err := answer.ReadString('\n'); line != want {
			t.Errorf("%s: %q, %v", name, line, err)
		}
	}
	show(good)
	if line, err := ask("DESCRIBE", "").ReadString('\n'); !strings.HasPrefix(line, "RTSP/1.0 200 ") {
		t.Errorf("after a change at the camera: %q, %v", line, err)
	}
}
