package webrtc

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// Every codec that can be published arrives as access units, with sound, and is known by
// its keyframes.
func TestPublish(t *testing.T) {
	for _, codec := range []camgate.Codec{camgate.H264, camgate.VP8, camgate.VP9, camgate.AV1, camgate.H265} {
		t.Run(string(codec), func(t *testing.T) {
			g := newPublished(t, logTo(t))
			s := newSource(t, codec, camgate.Opus)
			seen, _ := g.show(t, s, pictures(t, codec))
			eventually(t, "pictures and sound", func() bool { return seen.units.Load() > 50 && seen.keys.Load() > 1 && seen.sound.Load() > 50 })
			p := g.stream.Tracks()[0].Params()
			if p.Width != 640 || p.Height != 360 || seen.lost.Load() != 0 {
				t.Errorf("%+v, %d packets lost", p, seen.lost.Load())
			}
			if st := g.Stats(); st.Publishers != 1 || st.Received == 0 || st.Missed != 0 {
				t.Errorf("%+v", st)
			}
			if s.twcc.Load() == 0 {
				t.Error("no feedback on the transport")
			}
		})
	}
}

// Sound of each kind that can be published arrives as it is, in time with the picture.
func TestPublishSound(t *testing.T) {
	for _, codec := range []camgate.Codec{camgate.Opus, camgate.PCMA, camgate.PCMU} {
		t.Run(string(codec), func(t *testing.T) {
			g := newPublished(t)
			seen, _ := g.show(t, newSource(t, camgate.VP8, codec), pictures(t, camgate.VP8))
			eventually(t, "pictures and sound", func() bool { return seen.units.Load() > 25 && seen.sound.Load() > 25 })
			if tracks := g.stream.Tracks(); len(tracks) != 2 || tracks[1].Codec != codec || seen.lost.Load() != 0 {
				t.Errorf("%v, %d packets lost", tracks, seen.lost.Load())
			}
		})
	}
}

// Who cannot send by UDP publishes by TCP.
func TestPublishByTCP(t *testing.T) {
	g := newPublished(t, logTo(t))
	seen, _ := g.show(t, newSourceBy(t, byTCP, camgate.VP8, camgate.Opus), pictures(t, camgate.VP8))
	eventually(t, "pictures and sound", func() bool { return seen.units.Load() > 50 && seen.sound.Load() > 50 })
	if p := g.publisher(t).transport.path.Load(); p.udp || seen.lost.Load() != 0 {
		t.Errorf("by UDP: %v, %d packets lost", p.udp, seen.lost.Load())
	}
}

// publisher returns the one who publishes.
func (g *gateway) publisher(t *testing.T) *publisher {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range g.publishers.members {
		return x.(*publisher)
	}
	t.Fatal("nobody publishes")
	return nil
}

// Of an offer of several sizes of one picture (simulcast, RFC 8853) one is taken: the answer
// has none, and the sender goes by that.
func TestPublishSimulcast(t *testing.T) {
	g := newPublished(t, logTo(t))
	s := newSource(t, camgate.VP8, camgate.Opus)
	layers := "a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n"
	offer := regexp.MustCompile(`a=(ssrc|ssrc-group|msid):[^\r]*\r\n`).ReplaceAllString(s.offer, "") // as senders of several sizes do
	offer = strings.Replace(offer, "m=audio", layers+"m=audio", 1)
	s.offer = offer
	seen, _ := g.show(t, s, pictures(t, camgate.VP8))
	if strings.Contains(s.answer, "simulcast") || strings.Contains(s.answer, "a=rid") {
		t.Errorf("the answer:\n%s", s.answer)
	}
	eventually(t, "pictures and sound", func() bool { return seen.units.Load() > 50 && seen.sound.Load() > 50 })
}

// Who sends more than one may has to go.
func TestPublisherFloods(t *testing.T) {
	g := newPublished(t, logTo(t))
	s := newSource(t, camgate.VP8)
	if res := g.publish(t, s); res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	s.run(pictures(t, camgate.VP8))
	eventually(t, "live", func() bool { return g.stream.Status().State == camgate.StateLive })
	x := g.publisher(t)
	x.bytes.Add(2 * maxPublished)
	eventually(t, "it is gone", func() bool { return g.Stats().Publishers == 0 })
	if cause := context.Cause(x.ctx); !errors.Is(cause, errFlood) {
		t.Errorf("%v", cause)
	}
}

// What gets lost on the way is asked for and comes: a viewer sees whole pictures.
func TestPublishWithLoss(t *testing.T) {
	for _, codec := range []camgate.Codec{camgate.H264, camgate.VP8, camgate.VP9, camgate.AV1} {
		t.Run(string(codec), func(t *testing.T) {
			g := newPublished(t)
			s := newSource(t, codec, camgate.Opus)
			s.loss.share.Store(5)
			seen, _ := g.show(t, s, pictures(t, codec))
			eventually(t, "pictures", func() bool { return seen.units.Load() > 100 })
			st := g.Stats()
			t.Logf("sent %d, dropped %d, asked for %d, missed %d, lost to viewers %d, keyframes asked for %d",
				s.loss.sent.Load(), s.loss.missed.Load(), st.Asked, st.Missed, seen.lost.Load(), st.Keyframes)
			if s.loss.missed.Load() < 5 || st.Asked == 0 {
				t.Error("there was no loss to get over")
			}
			// Sound is not sent again.
			if seen.lost.Load() > s.loss.missed.Load()/20 {
				t.Errorf("%d packets are missing", seen.lost.Load())
			}
		})
	}
}

// One publishes at a time; who returns keeps the viewers; a stream with a source of its own
// is no place to publish.
func TestPublishersTakeTurns(t *testing.T) {
	g := newPublished(t)
	pics := pictures(t, camgate.VP8)
	first := newSource(t, camgate.VP8)
	seen, stop := g.show(t, first, pics)
	eventually(t, "pictures", func() bool { return seen.units.Load() > 5 })
	second := newSource(t, camgate.VP8)
	if res := g.request(t, "POST", g.url, typeSDP, second.offer); res.code != http.StatusConflict || !strings.Contains(res.body, "has a publisher already: webrtc 127.0.0.1") {
		t.Errorf("POST beside another one: %d %s", res.code, res.body)
	}
	if res := g.request(t, "DELETE", first.location, "", ""); res.code != http.StatusOK {
		t.Errorf("DELETE: %d", res.code)
	}
	stop()
	if st := g.stream.Status(); st.State != camgate.StateIdle {
		t.Errorf("state %v", st.State)
	}
	if res := g.request(t, "DELETE", first.location, "", ""); res.code != http.StatusNotFound {
		t.Errorf("DELETE again: %d", res.code)
	}
	before := seen.units.Load()
	begin := time.Now()
	if res := g.publish(t, second); res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	second.run(pics)
	eventually(t, "the same viewer goes on", func() bool { return seen.units.Load() > before+5 })
	t.Logf("pictures %v after the POST", time.Since(begin))
	if got := g.stream.Info().Readers; len(got) != 1 {
		t.Errorf("%d readers", len(got))
	}

	g.stream.SetStatus(camgate.Status{Source: "rtsp://camera"})
	if res := g.request(t, "POST", g.url, typeSDP, newSource(t, camgate.VP8).offer); res.code != http.StatusForbidden || !strings.Contains(res.body, "source: publish") {
		t.Errorf("POST to a camera: %d %s", res.code, res.body)
	}
}

// A publisher that says nothing, or never connects, gives its place free.
func TestPublisherGoesSilent(t *testing.T) {
	g := newPublished(t, func(o *Options) { o.ReaderTimeout, o.connectTimeout = time.Second, 500*time.Millisecond })
	idle := newSource(t, camgate.VP8)
	if res := g.request(t, "POST", g.url, typeSDP, idle.offer); res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	eventually(t, "who does not connect is gone", func() bool { return g.Stats().Publishers == 0 })
	s, pics := newSource(t, camgate.VP8), pictures(t, camgate.VP8)
	if res := g.publish(t, s); res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	stop := s.run(pics)
	eventually(t, "live", func() bool { return g.stream.Status().State == camgate.StateLive })
	stop() // the connection stays
	eventually(t, "who sends nothing is gone", func() bool { return g.Stats().Publishers == 0 })
	if st := g.stream.Status(); st.State != camgate.StateIdle {
		t.Errorf("state %v", st.State)
	}
}

// A viewer without a picture makes the publisher send a keyframe.
func TestPublisherIsAskedForKeyframes(t *testing.T) {
	g := newPublished(t)
	s, pics := newSource(t, camgate.VP8), pictures(t, camgate.VP8)
	if res := g.publish(t, s); res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	s.run(pics[1:25]) // no keyframe among them
	eventually(t, "a keyframe is asked for", func() bool { return s.keyframes.Load() > 1 })
	if st := g.stream.Status(); st.State != camgate.StateWaitingKeyframe {
		t.Errorf("state %v", st.State)
	}
}
