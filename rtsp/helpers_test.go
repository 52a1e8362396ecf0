package rtsp

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/textproto"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// The parameter sets of a 1920x1080 H264 stream.
var (
	testSPS = []byte{
		0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00,
		0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
	}
	testPPS = []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
)

// gateway is a server under test with its streams.
type gateway struct {
	*Server
	registry *camgate.Registry
	logs     *logBuffer
}

// newGateway runs a server until the test ends, and checks that nothing of it is
// left then.
func newGateway(t testing.TB, change func(*Options)) *gateway {
	t.Helper()
	before := runtime.NumGoroutine()
	logs := &logBuffer{}
	o := Options{
		Address: "127.0.0.1:0", TLSAddress: "127.0.0.1:0", Registry: camgate.NewRegistry(0),
		StartTimeout: 5 * time.Second, Logger: slog.New(slog.NewTextHandler(logs, nil)),
	}
	if change != nil {
		change(&o)
	}
	s := newServer(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(2 * time.Second):
			t.Error("the server does not end within two seconds")
			return
		}
		eventually(t, "goroutines back to the start", func() bool { return runtime.NumGoroutine() <= before })
	})
	return &gateway{Server: s, registry: o.Registry, logs: logs}
}

// newServer makes a server; rtp in o.RTPAddress stands for a free pair of ports.
func newServer(t testing.TB, o Options) *Server {
	t.Helper()
	udp := o.RTPAddress == "any"
	for try := 0; ; try++ {
		if udp {
			port := evenPort(t)
			o.RTPAddress, o.RTCPAddress = fmt.Sprint("127.0.0.1:", port), fmt.Sprint("127.0.0.1:", port+1)
		}
		s, err := New(o)
		if err == nil {
			return s
		}
		if !udp || try > 10 {
			t.Fatal(err)
		}
	}
}

func withUDP(o *Options) { o.RTPAddress = "any" }

func evenPort(t testing.TB) int {
	t.Helper()
	for range 100 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := c.LocalAddr().(*net.UDPAddr).Port
		c.Close()
		if port%2 == 0 {
			return port
		}
	}
	t.Fatal("no even port is free")
	return 0
}

func (g *gateway) url(name string) string { return fmt.Sprintf("rtsp://%s/%s", g.Addr(), name) }

func (g *gateway) stream(t testing.TB, name string) *camgate.Stream {
	t.Helper()
	s, err := g.registry.Add(name, camgate.StreamLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventually waits for something that happens in another goroutine or process.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("not within ten seconds: %s", what)
			return
		}
	}
}

// logBuffer is what a server has logged.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// camera publishes made-up pictures (and sound) to a stream.
type camera struct {
	t      testing.TB
	writer *ingest.Writer
	tracks []*camgate.Track
	frame  int64 // number of the next picture, 25 a second
	size   int   // of a picture in bytes
}

func newTrack(t testing.TB, o camgate.TrackOptions) *camgate.Track {
	t.Helper()
	track, err := ingest.NewTrack(o)
	if err != nil {
		t.Fatal(err)
	}
	return track
}

func h264Track(t testing.TB) *camgate.Track {
	return newTrack(t, camgate.TrackOptions{Codec: camgate.H264, Params: &camgate.Params{SPS: testSPS, PPS: testPPS}})
}

func opusTrack(t testing.TB) *camgate.Track {
	return newTrack(t, camgate.TrackOptions{Codec: camgate.Opus, Channels: 1})
}

// newCamera starts a stream with H264 and, if sound, Opus.
func newCamera(t testing.TB, s *camgate.Stream, sound bool) *camera {
	t.Helper()
	tracks := []*camgate.Track{h264Track(t)}
	if sound {
		tracks = append(tracks, opusTrack(t))
	}
	return startCamera(t, s, tracks)
}

func startCamera(t testing.TB, s *camgate.Stream, tracks []*camgate.Track) *camera {
	t.Helper()
	w, err := ingest.NewWriter(s, tracks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return &camera{t: t, writer: w, tracks: w.Tracks(), size: 4000}
}

// picture publishes the next picture, and the sound that goes with it. Its last two
// bytes are its number.
func (c *camera) picture(key bool) {
	c.t.Helper()
	au := [][]byte{append(append([]byte{0x41}, pattern(c.size)...), byte(c.frame>>8), byte(c.frame))}
	if key {
		au[0][0] = 0x65
		au = append([][]byte{testSPS, testPPS}, au...)
	}
	if err := c.writer.Write(ingest.Sample{Track: 0, PTS: c.frame * 3600, AU: au}); err != nil {
		c.t.Error(err)
	}
	if len(c.tracks) > 1 {
		for i := range int64(2) {
			pts := c.frame*1920 + i*960
			if err := c.writer.Write(ingest.Sample{Track: 1, PTS: pts, AU: [][]byte{{0xfc, byte(c.frame), byte(i)}}}); err != nil {
				c.t.Error(err)
			}
		}
	}
	c.frame++
}

// gop publishes a keyframe and n-1 more pictures.
func (c *camera) gop(n int) {
	c.t.Helper()
	for i := range n {
		c.picture(i == 0)
	}
}

// run publishes 25 pictures a second with a keyframe each second until the
// returned function is called.
func (c *camera) run() (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for {
			c.picture(c.frame%25 == 0)
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(end); <-done })
}

// pattern is n bytes that hold no start code.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%250) + 5
	}
	return b
}

// number is that of the picture that a packet with a marker ends.
func number(p *rtp.Packet) int { return int(binary.BigEndian.Uint16(p.Payload[len(p.Payload)-2:])) }

// wire is a client that does nothing by itself.
type wire struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	cseq int
	base string
	auth string // Authorization header
	id   string // Session header
}

func dialWire(t testing.TB, url string) *wire {
	t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "rtsp://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &wire{t: t, conn: conn, r: bufio.NewReaderSize(conn, 1<<20), base: url}
}

type reply struct {
	status int
	header textproto.MIMEHeader
	body   string
}

func (w *wire) send(method, url string, header ...string) {
	w.t.Helper()
	w.cseq++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, w.cseq)
	if w.auth != "" {
		header = append(header, "Authorization: "+w.auth)
	}
	if w.id != "" {
		header = append(header, "Session: "+w.id)
	}
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(w.conn, b.String()); err != nil {
		w.t.Fatal(err)
	}
}

// next reads a response or an interleaved frame: one of both is returned.
func (w *wire) next() (*reply, []byte) {
	w.t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	first, err := w.r.Peek(4)
	if err != nil {
		w.t.Fatal(err)
	}
	if first[0] == '$' {
		frame := make([]byte, 4+int(first[2])<<8+int(first[3]))
		if _, err := io.ReadFull(w.r, frame); err != nil {
			w.t.Fatal(err)
		}
		return nil, frame
	}
	tp := textproto.NewReader(w.r)
	line, err := tp.ReadLine()
	if err != nil {
		w.t.Fatal(err)
	}
	fields := strings.SplitN(line, " ", 3)
	if len(fields) < 2 || fields[0] != "RTSP/1.0" {
		w.t.Fatalf("neither a response nor a frame: %q", line)
	}
	rep := &reply{}
	if rep.status, err = strconv.Atoi(fields[1]); err != nil {
		w.t.Fatal(err)
	}
	if rep.header, err = tp.ReadMIMEHeader(); err != nil {
		w.t.Fatal(err)
	}
	n, _ := strconv.Atoi(rep.header.Get("Content-Length"))
	body := make([]byte, n)
	if _, err := io.ReadFull(w.r, body); err != nil {
		w.t.Fatal(err)
	}
	rep.body = string(body)
	return rep, nil
}

// do sends a request and returns its response; frames before it are dropped.
func (w *wire) do(method, url string, header ...string) *reply {
	w.t.Helper()
	w.send(method, url, header...)
	for {
		if rep, _ := w.next(); rep != nil {
			if id, _, _ := strings.Cut(rep.header.Get("Session"), ";"); id != "" {
				w.id = id
			}
			return rep
		}
	}
}

func (w *wire) want(status int, method, url string, header ...string) *reply {
	w.t.Helper()
	rep := w.do(method, url, header...)
	if rep.status != status {
		w.t.Fatalf("%s %s: status %d, want %d", method, url, rep.status, status)
	}
	return rep
}

// setup sets up track i over TCP, on the channels 2i and 2i+1.
func (w *wire) setup(i int) *reply {
	w.t.Helper()
	return w.want(200, "SETUP", fmt.Sprintf("%s/trackID=%d", w.base, i),
		fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d", 2*i, 2*i+1))
}

// frame returns the next interleaved frame.
func (w *wire) frame() []byte {
	w.t.Helper()
	for {
		if _, frame := w.next(); frame != nil {
			return frame
		}
	}
}

// certificate returns a self-signed one for 127.0.0.1.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "camera"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// tool is a program that the test needs.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed for this test: %v", name, err)
	}
	return path
}

// camSample is the next keyframe of a camera with other parameter sets.
func camSample(c *camera, sps, pps []byte) ingest.Sample {
	s := ingest.Sample{PTS: c.frame * 3600, AU: [][]byte{sps, pps, append([]byte{0x65}, pattern(c.size)...)}}
	c.frame++
	return s
}

// viewers is how many read a stream, without the lanes.
func viewers(s *camgate.Stream) (n int) {
	for _, r := range s.Info().Readers {
		if !r.Internal {
			n++
		}
	}
	return n
}
