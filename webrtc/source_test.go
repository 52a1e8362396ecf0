package webrtc

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// newPublished is a gateway with a stream that waits for a publisher.
func newPublished(t testing.TB, change ...func(*Options)) *gateway {
	t.Helper()
	g := newGateway(t, newStream(t), change...)
	ingest.AwaitPublisher(g.stream)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/cam/whip")
		if !ok {
			http.NotFound(w, r)
			return
		}
		if err := g.HandlePublish(w, r, g.stream, strings.TrimPrefix(rest, "/")); err != nil {
			http.Error(w, err.Error(), camgate.AnswerTo(err).HTTP)
		}
	}))
	t.Cleanup(web.Close)
	g.url = web.URL + "/cam/whip"
	return g
}

// source is a WebRTC client that publishes.
type source struct {
	t        testing.TB
	pc       *pion.PeerConnection
	tracks   []*pion.TrackLocalStaticSample
	offer    string
	location string
	etag     string
	answer   string

	loss             *lossy
	keyframes, nacks atomic.Int64 // asked for
	twcc             atomic.Int64
}

// lossy drops packets on their way out.
type lossy struct {
	interceptor.NoOp
	share        atomic.Int64 // in percent
	sent, missed atomic.Int64
}

func (l *lossy) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *lossy) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, b []byte, a interceptor.Attributes) (int, error) {
		l.sent.Add(1)
		if rand.Int64N(100) < l.share.Load() {
			l.missed.Add(1)
			return len(b), nil
		}
		return w.Write(h, b, a)
	})
}

var mimes = map[camgate.Codec]string{
	camgate.H264: pion.MimeTypeH264, camgate.VP8: pion.MimeTypeVP8, camgate.VP9: pion.MimeTypeVP9, camgate.AV1: pion.MimeTypeAV1,
	camgate.H265: pion.MimeTypeH265, camgate.Opus: pion.MimeTypeOpus, camgate.PCMA: pion.MimeTypePCMA, camgate.PCMU: pion.MimeTypePCMU,
}

// newSource makes a client that is to publish the codecs.
func newSource(t testing.TB, codecs ...camgate.Codec) *source {
	t.Helper()
	return newSourceBy(t, func(s *pion.SettingEngine) { s.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4}) }, codecs...)
}

// newSourceBy is newSource with other settings of the network.
func newSourceBy(t testing.TB, network func(*pion.SettingEngine), codecs ...camgate.Codec) *source {
	t.Helper()
	m := &pion.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	s := &source{t: t, loss: &lossy{}}
	registry := &interceptor.Registry{}
	registry.Add(s.loss)
	if err := pion.RegisterDefaultInterceptors(m, registry); err != nil {
		t.Fatal(err)
	}
	if err := pion.ConfigureTWCCHeaderExtensionSender(m, registry); err != nil {
		t.Fatal(err)
	}
	settings := pion.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	network(&settings)
	pc, err := pion.NewAPI(pion.WithMediaEngine(m), pion.WithInterceptorRegistry(registry), pion.WithSettingEngine(settings)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	s.pc = pc
	t.Cleanup(func() { _ = pc.GracefulClose() })
	for _, c := range codecs {
		track, err := pion.NewTrackLocalStaticSample(pion.RTPCodecCapability{MimeType: mimes[c]}, string(c), "publisher")
		if err != nil {
			t.Fatal(err)
		}
		transceiver, err := pc.AddTransceiverFromTrack(track, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionSendonly})
		if err != nil {
			t.Fatal(err)
		}
		var wanted []pion.RTPCodecParameters
		for _, p := range transceiver.Sender().GetParameters().Codecs {
			if strings.EqualFold(p.MimeType, mimes[c]) {
				wanted = append(wanted, p)
			}
		}
		if err := transceiver.SetCodecPreferences(wanted); err != nil {
			t.Fatal(err)
		}
		go s.readReports(transceiver.Sender())
		s.tracks = append(s.tracks, track)
	}
	s.offer = gatheredOffer(t, pc)
	return s
}

func (s *source) readReports(sender *pion.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication:
				s.keyframes.Add(1)
			case *rtcp.TransportLayerNack:
				s.nacks.Add(int64(len(p.Nacks)))
			case *rtcp.TransportLayerCC:
				s.twcc.Add(1)
			}
		}
	}
}

// publish begins the session.
func (g *gateway) publish(t testing.TB, s *source) response {
	t.Helper()
	res := g.request(t, "POST", g.url, typeSDP, s.offer)
	if res.code != http.StatusCreated {
		return res
	}
	s.location, s.etag, s.answer = strings.TrimSuffix(g.url, "/cam/whip")+res.header.Get("Location"), res.header.Get("ETag"), res.body
	if err := s.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: res.body}); err != nil {
		t.Fatalf("%v in\n%s", err, res.body)
	}
	connected := make(chan struct{})
	var once sync.Once
	s.pc.OnConnectionStateChange(func(st pion.PeerConnectionState) {
		if st == pion.PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	select {
	case <-connected:
	case <-time.After(10 * time.Second):
		t.Fatal("not connected")
	}
	return res
}

// show begins the session, sends pictures and sound until the test ends or stop is called,
// and tells what a viewer gets of them.
func (g *gateway) show(t testing.TB, s *source, pictures [][]byte) (seen *sights, stop func()) {
	t.Helper()
	if res := g.publish(t, s); res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	stop = s.run(pictures)
	eventually(t, "live", func() bool { return g.stream.Status().State == camgate.StateLive })
	return watch(t, g.stream), stop
}

// pictures are encoded by ffmpeg: 25 a second, a keyframe each second, in turn for ever.
func pictures(t testing.TB, codec camgate.Codec) [][]byte {
	t.Helper()
	encoder := map[camgate.Codec][]string{
		camgate.H264: {"libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0"},
		camgate.H265: {"libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=0:aud=1:repeat-headers=1"},
		camgate.VP8:  {"libvpx", "-deadline", "realtime"},
		camgate.VP9:  {"libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"},
		camgate.AV1:  {"libaom-av1", "-usage", "realtime", "-cpu-used", "8"},
	}[codec]
	args := append([]string{"-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-t", "2", "-c:v"}, encoder...)
	args = append(args, "-g", "25", "-b:v", "1M", "-pix_fmt", "yuv420p")
	delimiters := map[camgate.Codec][]byte{camgate.H264: {0, 0, 0, 1, 9}, camgate.H265: {0, 0, 0, 1, 70, 1}} // AUD
	if delimiter := delimiters[codec]; delimiter != nil {
		out, err := exec.Command("ffmpeg", append(args, "-f", map[camgate.Codec]string{camgate.H264: "h264", camgate.H265: "hevc"}[codec],
			"-bsf:v", map[camgate.Codec]string{camgate.H264: "h264_metadata=aud=insert", camgate.H265: "null"}[codec], "pipe:1")...).Output()
		if err != nil {
			t.Fatalf("ffmpeg: %v", err)
		}
		var pictures [][]byte
		for _, b := range bytes.Split(out, delimiter)[1:] {
			pictures = append(pictures, append(bytes.Clone(delimiter), b...))
		}
		return pictures
	}
	out, err := exec.Command("ffmpeg", append(args, "-f", "ivf", "pipe:1")...).Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	var pictures [][]byte
	for b := out[32:]; len(b) >= 12; {
		n := int(binary.LittleEndian.Uint32(b))
		pictures = append(pictures, b[12:12+n])
		b = b[12+n:]
	}
	return pictures
}

// run sends pictures and sound in real time until the test ends or stop is called.
func (s *source) run(pictures [][]byte) (stop func()) {
	done, end := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(frameTime)
		defer tick.Stop()
		for n := 0; ; n++ {
			for _, track := range s.tracks {
				sample := media.Sample{Data: make([]byte, 80), Duration: frameTime}
				if track.Kind() == pion.RTPCodecTypeVideo {
					sample.Data = pictures[n%len(pictures)]
				}
				_ = track.WriteSample(sample)
			}
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(end); <-done })
	s.t.Cleanup(stop)
	return stop
}

// sights follows a stream and counts what a viewer gets.
type sights struct {
	units, keys, lost, sound atomic.Int64
}

func watch(t testing.TB, stream *camgate.Stream) *sights {
	t.Helper()
	s := &sights{}
	r, err := stream.Subscribe(t.Context(), camgate.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			u, err := r.Next()
			if err != nil {
				return
			}
			if u.Track.Kind == camgate.Audio {
				s.sound.Add(1)
				continue
			}
			s.units.Add(1)
			if u.RandomAccess {
				s.keys.Add(1)
			}
			s.lost.Add(int64(u.Lost))
		}
	}()
	t.Cleanup(func() { r.Close(); <-done })
	return s
}
