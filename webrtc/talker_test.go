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
	pc := libraryPeer(t, pion.Configuration{}, nil)
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
	var err error
	if c.mic, err = pion.NewTrackLocalStaticRTP(codec, "mic", "me"); err != nil {
		t.Fatal(err)
	}
	transceiver, err := pc.AddTransceiverFromTrack(c.mic, pion.RTPTransceiverInit{Direction: direction})
	if err != nil {
		t.Fatal(err)
	}
	if direction == pion.RTPTransceiverDirectionSendonly && !watches { // it offers this one alone
		if err := transceiver.SetCodecPreferences([]pion.RTPCodecParameters{{RTPCodecCapability: codec}}); err != nil {
			t.Fatal(err)
		}
	}
	res := g.request(t, "POST", g.url, typeSDP, gatheredOffer(t, pc), header...)
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
