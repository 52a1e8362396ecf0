package webrtc

import (
	"net/http"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

func TestWHIPRequests(t *testing.T) {
	g := newPublished(t)
	s := newSource(t, camgate.VP8, camgate.Opus)
	res := g.publish(t, s)
	if res.code != http.StatusCreated || res.header.Get("Content-Type") != typeSDP || len(s.etag) < 10 || res.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("POST: %d %v", res.code, res.header)
	}
	session, match := s.location, []string{"If-Match", s.etag}
	candidate := "a=mid:0\r\na=candidate:1 1 udp 2130706431 203.0.113.7 40000 typ host\r\na=candidate:2 1 udp 1 name.local 9 typ host\r\na=end-of-candidates\r\n"
	for _, c := range []struct {
		name, method, url, contentType, body string
		header                               []string
		want                                 int
	}{
		{"GET", "GET", g.url, "", "", nil, 204},
		{"GET session", "GET", session, "", "", nil, 204},
		{"GET unknown", "GET", g.url + "/0123", "", "", nil, 404},
		{"PUT", "PUT", g.url, "", "", nil, 405},
		{"POST to session", "POST", session, typeSDP, s.offer, nil, 405},
		{"PATCH endpoint", "PATCH", g.url, typeFragment, candidate, nil, 405},
		{"OPTIONS", "OPTIONS", g.url, "", "", nil, 200},
		{"JSON", "POST", g.url, "application/json", "{}", nil, 415},
		{"empty", "POST", g.url, typeSDP, "", nil, 400},
		{"a viewer's offer", "POST", g.url, typeSDP, chromiumOffer, nil, 406},
		{"beside another one", "POST", g.url, typeSDP, s.offer, nil, 409},
		{"candidates", "PATCH", session, typeFragment, candidate, match, 204},
		{"no ETag", "PATCH", session, typeFragment, candidate, nil, 428},
		{"another ETag", "PATCH", session, typeFragment, candidate, []string{"If-Match", `"x"`}, 412},
		{"no fragment", "PATCH", session, typeFragment, "hello", match, 400},
		{"another type", "PATCH", session, typeSDP, s.offer, match, 415},
		{"half of new credentials", "PATCH", session, typeFragment, "a=ice-ufrag:other\r\n", []string{"If-Match", "*"}, 400},
		{"unknown session", "PATCH", g.url + "/0123", typeFragment, candidate, match, 404},
		{"DELETE unknown", "DELETE", g.url + "/0123", "", "", nil, 404},
		{"DELETE", "DELETE", session, "", "", []string{"If-Match", `"x"`}, 200},
		{"DELETE again", "DELETE", session, "", "", nil, 404},
	} {
		got := g.request(t, c.method, c.url, c.contentType, c.body, c.header...)
		if got.code != c.want {
			t.Errorf("%s: %d %s", c.name, got.code, got.body)
		}
		if got.code == 204 && (got.body != "" || got.header.Get("ETag") != "") {
			t.Errorf("%s: %q, %v", c.name, got.body, got.header)
		}
		if got.code == 200 && c.method == "OPTIONS" && got.header.Get("Accept-Post") != typeSDP {
			t.Errorf("%s: %v", c.name, got.header)
		}
	}
}

// The answer to one who publishes, in the shape of OBS: an offer with all candidates, a
// token, and no other request.
func TestWHIPAnswer(t *testing.T) {
	g := newPublished(t)
	for _, direction := range []string{"sendonly", "sendrecv"} {
		s := newSource(t, camgate.H264, camgate.Opus)
		res := g.request(t, "POST", g.url, typeSDP, strings.ReplaceAll(s.offer, "a=sendonly", "a="+direction), "Authorization", "Bearer obs:secret")
		if res.code != http.StatusCreated {
			t.Fatalf("POST: %d %s", res.code, res.body)
		}
		for _, want := range []string{
			"a=recvonly\r\n", "a=setup:passive\r\n", "a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n", "a=group:BUNDLE 0 1\r\n",
			"a=candidate:u1 1 udp", "a=candidate:t1 1 tcp", "a=end-of-candidates\r\n", " H264/90000\r\n", " opus/48000/2\r\n", " transport-cc\r\n", " nack pli\r\n",
		} {
			if !strings.Contains(res.body, want) {
				t.Errorf("%s: no %q in\n%s", direction, want, res.body)
			}
		}
		for _, not := range []string{"sendonly", "sendrecv", "simulcast", "rtx", "secret"} {
			if strings.Contains(res.body, not) {
				t.Errorf("%s: %q in\n%s", direction, not, res.body)
			}
		}
		if res := g.request(t, "DELETE", strings.TrimSuffix(g.url, "/cam/whip")+res.header.Get("Location"), "", ""); res.code != http.StatusOK {
			t.Errorf("DELETE: %d", res.code)
		}
	}
}

// An ICE restart of one who publishes: pictures go on.
func TestWHIPRestart(t *testing.T) {
	g := newPublished(t)
	s, pics := newSource(t, camgate.VP8), pictures(t, camgate.VP8)
	if res := g.publish(t, s); res.code != http.StatusCreated {
		t.Fatalf("POST: %d %s", res.code, res.body)
	}
	s.run(pics)
	eventually(t, "live", func() bool { return g.stream.Status().State == camgate.StateLive })
	seen := watch(t, g.stream)
	c := &client{t: t, pc: s.pc, location: s.location, answer: s.answer}
	res := g.restart(c, "*")
	if etag := res.header.Get("ETag"); etag == "" || etag == s.etag {
		t.Errorf("ETag %s", etag)
	}
	at := seen.units.Load()
	eventually(t, "pictures after the restart", func() bool { return seen.units.Load() > at+50 })
	if seen.lost.Load() > 3 {
		t.Errorf("%d packets lost", seen.lost.Load())
	}
}
