package webrtc

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// speaker is the loudspeaker of a camera.
type speaker struct {
	mu    sync.Mutex
	sound []byte
}

func (s *speaker) voice(_ uint32, _ bool, sound []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sound = append(s.sound, sound...)
}

func (s *speaker) heard(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.sound, []byte(what))
}

// talkGateway is a gateway whose camera has a loudspeaker, for requests that may talk
// unless they say X-Deaf.
func talkGateway(t *testing.T, limits camgate.TalkLimits) (*gateway, *camgate.BackChannel, *speaker) {
	t.Helper()
	stream := newStream(t)
	back := camgate.NewBackChannel(limits)
	stream.SetBackChannel(back)
	g := newGateway(t, stream, logTo(t))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Deaf") == "" {
			r = r.WithContext(camgate.PermitTalk(r.Context()))
		}
		session := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/cam/whep"), "/")
		if err := g.Handle(w, r, stream, session); err != nil {
			http.Error(w, err.Error(), camgate.AnswerTo(err).HTTP)
		}
	}))
	t.Cleanup(web.Close)
	g.url = web.URL + "/cam/whep"
	newProgram(t, stream, true).run()
	ear := &speaker{}
	t.Cleanup(back.Open(camgate.PCMU, ear.voice))
	return g, back, ear
}

// talker is a viewer with a microphone.
type talker struct {
	pc     *pion.PeerConnection
	mic    *pion.TrackLocalStaticRTP
	header http.Header
	answer string
	code   int
	body   string
	at     string // the session

	mu  sync.Mutex
	got map[string]int // packets by codec
}

// newTalker offers a microphone of a codec; direction is that of its section, and watches
// says whether there is a section for pictures, too.
func newTalker(t *testing.T, g *gateway, codec pion.RTPCodecCapability, direction pion.RTPTransceiverDirection, watches bool, header ...string) *talker {
	t.Helper()
	m := &pion.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	settings := pion.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4})
	api := pion.NewAPI(pion.WithMediaEngine(m), pion.WithInterceptorRegistry(&interceptor.Registry{}), pion.WithSettingEngine(settings))
	pc, err := api.NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	c := &talker{pc: pc, got: map[string]int{}}
	pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			c.mu.Lock()
			c.got[track.Codec().MimeType]++
			c.mu.Unlock()
		}
	})
	if watches {
		if _, err := pc.AddTransceiverFromKind(pion.RTPCodecTypeVideo, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	if c.mic, err = pion.NewTrackLocalStaticRTP(codec, "mic", "me"); err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromTrack(c.mic, pion.RTPTransceiverInit{Direction: direction}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := pion.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	res := g.request(t, "POST", g.url, typeSDP, pc.LocalDescription().SDP, header...)
	c.code, c.header, c.body, c.answer = res.code, res.header, res.body, res.body
	if res.code != http.StatusCreated {
		return c
	}
	c.at = res.header.Get("Location")
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: res.body}); err != nil {
		t.Fatalf("%v in\n%s", err, res.body)
	}
	return c
}

// say repeats something until the test ends, 50 times a second.
func (c *talker) say(t *testing.T, what string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		sound := []byte(strings.Repeat(what, 160/len(what)+1)[:160])
		for n := uint32(0); ; n++ {
			// It fails before the connection is there, and after it.
			_ = c.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: n * 160}, Payload: sound})
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func (c *talker) received(codec string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got[codec]
}

var (
	pcmu = pion.RTPCodecCapability{MimeType: pion.MimeTypePCMU, ClockRate: 8000}
	opus = pion.RTPCodecCapability{MimeType: pion.MimeTypeOpus, ClockRate: 48000, Channels: 2}
)

func TestTalk(t *testing.T) {
	tests := map[string]struct {
		direction pion.RTPTransceiverDirection
		watches   bool
	}{
		"sendrecv":             {pion.RTPTransceiverDirectionSendrecv, true},
		"sendrecv sound alone": {pion.RTPTransceiverDirectionSendrecv, false},
		"sendonly and watches": {pion.RTPTransceiverDirectionSendonly, true},
		"sendonly":             {pion.RTPTransceiverDirectionSendonly, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, back, ear := talkGateway(t, camgate.TalkLimits{})
			a := newTalker(t, g, pcmu, tc.direction, tc.watches)
			if a.code != http.StatusCreated {
				t.Fatalf("%d %s", a.code, a.body)
			}
			if got := a.header.Get(TalkHeader); got != "PCMU" {
				t.Errorf("%s: %q in\n%s", TalkHeader, got, a.answer)
			}
			a.say(t, "abc")
			eventually(t, "sound at the camera", func() bool { return ear.heard("abcabc") })
			if tc.watches {
				eventually(t, "pictures", func() bool { return a.received(pion.MimeTypeH264) > 10 })
			}
			if tc.direction == pion.RTPTransceiverDirectionSendrecv {
				eventually(t, "the camera's sound", func() bool { return a.received(pion.MimeTypeOpus) > 10 })
			}
			if info := back.Info(); !strings.HasPrefix(info.Remote, "127.0.0.1:") || info.Talks != 1 {
				t.Errorf("%+v", info)
			}
			if res := g.request(t, "DELETE", a.at, "", ""); res.code != http.StatusOK {
				t.Fatalf("DELETE: %d", res.code)
			}
			if info := back.Info(); info.Remote != "" {
				t.Errorf("who left still talks: %+v", info)
			}
		})
	}
}

func TestTalkRefused(t *testing.T) {
	t.Parallel()
	g, back, ear := talkGateway(t, camgate.TalkLimits{})
	both, send := pion.RTPTransceiverDirectionSendrecv, pion.RTPTransceiverDirectionSendonly
	watching := func(what string, c *talker, want string) {
		t.Helper()
		if got := c.header.Get(TalkHeader); c.code != http.StatusCreated || got != want {
			t.Fatalf("%s: %d %s: %q", what, c.code, c.body, got)
		}
		eventually(t, what+": pictures", func() bool { return c.received(pion.MimeTypeH264) > 10 })
	}
	watching("no permission", newTalker(t, g, opus, both, true, "X-Deaf", "yes"), "refused: not permitted: talking takes the permission to talk")
	if c := newTalker(t, g, pcmu, send, false, "X-Deaf", "yes"); c.code != http.StatusForbidden {
		t.Errorf("no permission, to talk alone: %d %s", c.code, c.body)
	}
	a := newTalker(t, g, pcmu, send, false)
	a.say(t, "first")
	eventually(t, "the first one", func() bool { return ear.heard("first") })
	b := newTalker(t, g, opus, both, true) // this client takes no answer without the codec that it sends
	b.say(t, "second")
	if got := b.header.Get(TalkHeader); !strings.HasPrefix(got, "refused: somebody talks already, from 127.0.0.1:") {
		t.Errorf("a second one: %q", got)
	}
	eventually(t, "a second one: pictures", func() bool { return b.received(pion.MimeTypeH264) > 10 })
	if c := newTalker(t, g, pcmu, send, false); c.code != http.StatusConflict || !strings.Contains(c.body, "somebody talks already") {
		t.Errorf("a second one, to talk alone: %d %s", c.code, c.body)
	}
	if ear.heard("second") {
		t.Error("two are heard")
	}
	if info := back.Info(); info.Refused != 2 {
		t.Errorf("%+v", info)
	}
	// The one who offers a microphone with a picture is heard as soon as there is room.
	g.request(t, "DELETE", a.at, "", "")
	c := newTalker(t, g, pcmu, both, true)
	d := newTalker(t, g, pcmu, both, true)
	c.say(t, "third")
	eventually(t, "the third one", func() bool { return ear.heard("third") })
	d.say(t, "fourth")
	eventually(t, "the fourth to be refused", func() bool { return back.Info().Refused > 2 })
	g.request(t, "DELETE", c.at, "", "")
	eventually(t, "the fourth one", func() bool { return ear.heard("fourth") })
}

func TestTalkSilent(t *testing.T) {
	t.Parallel()
	g, back, _ := talkGateway(t, camgate.TalkLimits{Silence: time.Second})
	// A microphone that is never used takes no place away, one for talking alone does, for
	// a while.
	silent := newTalker(t, g, pcmu, pion.RTPTransceiverDirectionSendrecv, true)
	silent.say(t, "\xff")
	eventually(t, "pictures", func() bool { return silent.received(pion.MimeTypeH264) > 50 })
	if info := back.Info(); info.Talks != 0 {
		t.Errorf("%+v", info)
	}
	a := newTalker(t, g, pcmu, pion.RTPTransceiverDirectionSendonly, false)
	if info := back.Info(); info.Remote == "" {
		t.Errorf("%d %s: %+v", a.code, a.body, info)
	}
	eventually(t, "the place to be free", func() bool { return back.Free() == nil })
	eventually(t, "the session to end", func() bool { return g.request(t, "GET", a.at, "", "").code == http.StatusNotFound })
}

// TestTalkNoBackChannel: without a loudspeaker a microphone is declined without a word,
// as many players offer one.
func TestTalkNoBackChannel(t *testing.T) {
	t.Parallel()
	stream := newStream(t)
	g := newGateway(t, stream)
	newProgram(t, stream, true).run()
	c := newTalker(t, g, opus, pion.RTPTransceiverDirectionSendrecv, true)
	if c.code != http.StatusCreated || c.header.Get(TalkHeader) != "" || !strings.Contains(c.answer, "a=sendonly") || strings.Contains(c.answer, "a=sendrecv") {
		t.Errorf("%d %s", c.code, c.body)
	}
	if c := newTalker(t, g, opus, pion.RTPTransceiverDirectionSendonly, false); c.code != http.StatusNotAcceptable {
		t.Errorf("to talk alone: %d %s", c.code, c.body)
	}
}

// TestTalkCodecs: what the camera takes has to be among what is offered.
func TestTalkCodecs(t *testing.T) {
	o, err := parseOffer(strings.ReplaceAll(talkOffer, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	stream := newStream(t)
	back := camgate.NewBackChannel(camgate.TalkLimits{})
	stream.SetBackChannel(back)
	defer back.Open(camgate.PCMA, nil)()
	r := httptest.NewRequest("POST", "/", nil)
	p := &plan{}
	if err := p.addMic(o, r.WithContext(camgate.PermitTalk(r.Context())), stream); err == nil || !strings.Contains(err.Error(), "the camera takes PCMA, the microphone offers OPUS") {
		t.Errorf("%v", err)
	}
}

const talkOffer = `v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
a=fingerprint:sha-256 AA:BB
a=ice-ufrag:abcd
a=ice-pwd:abcdefghabcdefghabcdefgh
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=setup:actpass
a=rtpmap:111 opus/48000/2
`
