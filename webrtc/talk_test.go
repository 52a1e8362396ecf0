package webrtc

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
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

// TestTalkOtherLaw: a camera that takes the other kind of G711 hears the talker, too.
func TestTalkOtherLaw(t *testing.T) {
	t.Parallel()
	g, back, ear := talkGateway(t, camgate.TalkLimits{})
	t.Cleanup(back.Open(camgate.PCMA, ear.voice))
	a := newTalker(t, g, pcmu, pion.RTPTransceiverDirectionSendonly, false)
	if got := a.header.Get(TalkHeader); a.code != http.StatusCreated || got != "PCMU" {
		t.Fatalf("%d %s: %q", a.code, a.body, got)
	}
	a.say(t, "abc")
	want := []byte("abc")
	for i, b := range want {
		want[i] = recode(camgate.PCMA)[b]
	}
	eventually(t, "sound at the camera", func() bool { return ear.heard(string(want) + string(want)) })
}

// Each value becomes the nearest of the other kind, which is louder or lower by half a step
// at most; silence remains silence, and what comes back is what it was, or beside it.
func TestRecode(t *testing.T) {
	for _, to := range []camgate.Codec{camgate.PCMA, camgate.PCMU} {
		from, into := alaw, ulaw
		if to == camgate.PCMA {
			from, into = ulaw, alaw
		}
		there, back := recode(to), recode(otherLaw(to))
		for i := range 256 {
			b := byte(i)
			loud, other := from(b), into(there[b])
			if (b^there[b])&0x80 != 0 || abs(loud-other) > loud/16+8 {
				t.Errorf("%s of %#x: %#x, %d instead of %d", to, b, there[b], other, loud)
			}
			if again := from(back[there[b]]); abs(again-loud) > loud/16+8 {
				t.Errorf("%s of %#x and back: %d instead of %d", to, b, again, loud)
			}
		}
		// As ITU-T G.711 has them: the loudest values of both kinds.
		loudest := map[camgate.Codec][]byte{camgate.PCMA: {0x2a, 0xaa}, camgate.PCMU: {0x00, 0x80}}
		for i, b := range loudest[otherLaw(to)] {
			if there[b] != loudest[to][i] {
				t.Errorf("%s of %#x is %#x", to, b, there[b])
			}
		}
		quiet := []byte{0x7f, 0xff}
		if to == camgate.PCMU {
			quiet = []byte{0x55, 0xd5}
		}
		for _, b := range quiet {
			if !camgate.Silent(to, []byte{there[b]}) {
				t.Errorf("%s of silence is %#x", to, there[b])
			}
		}
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
