package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// TestTalk: who may talk is told so by the API, and WHEP is told of it with the request.
func TestTalk(t *testing.T) {
	users := camgate.Users{
		{Name: "admin", Password: "p", Role: camgate.RoleAdmin},
		{Name: "family", Password: "p", Role: camgate.RoleViewer, Talk: true, Streams: []string{"door"}},
		{Name: "tv", Password: "p", Role: camgate.RoleViewer},
	}
	streams := registry(t, "door", "yard")
	door, err := streams.Get("door")
	if err != nil {
		t.Fatal(err)
	}
	back := camgate.NewBackChannel(camgate.TalkLimits{})
	door.SetBackChannel(back)
	defer back.Open(camgate.PCMA, func(uint32, bool, []byte) {})()
	talk, err := back.Talk("192.0.2.9:1", camgate.PCMA)
	if err != nil {
		t.Fatal(err)
	}
	defer talk.Close()
	s := newServer(t, Options{
		Users: users, Registry: streams, Limits: Limits{FailureDelay: time.Nanosecond},
		Outputs: Outputs{WHEP: plain(func(w http.ResponseWriter, r *http.Request, _ *camgate.Stream, _ string) {
			fmt.Fprint(w, camgate.MayTalk(r.Context()))
		})},
	})
	for _, tc := range []struct {
		user string
		may  bool
	}{{"admin", true}, {"family", true}, {"tv", false}} {
		login := []string{"Authorization", basic(tc.user, "p")}
		if got := body(t, do(s, "POST", "/door/whep", login...)); got != fmt.Sprint(tc.may) {
			t.Errorf("%s: WHEP is told %s", tc.user, got)
		}
		var info streamJSON
		decode(t, do(s, "GET", "/api/v1/streams/door", login...), &info)
		if info.Talk == nil || info.Talk.Permitted != tc.may || info.Talk.Codec != camgate.PCMA || info.Talk.Talking == nil || info.Talk.Talking.Remote != "192.0.2.9:1" {
			t.Errorf("%s: %+v", tc.user, info.Talk)
		}
	}
	// A stream without a back channel has no word of it, and nobody may talk.
	admin := []string{"Authorization", basic("admin", "p")}
	if got := body(t, do(s, "POST", "/yard/whep", admin...)); got != "false" {
		t.Errorf("without a back channel WHEP is told %s", got)
	}
	if got := body(t, do(s, "GET", "/api/v1/streams/yard", admin...)); strings.Contains(got, `"talk"`) {
		t.Errorf("%s", got)
	}
	metrics := body(t, do(s, "GET", "/metrics", admin...))
	for _, want := range []string{`camgate_stream_talking{stream="door"} 1`, `camgate_stream_talks_refused_total{stream="door"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
}
