package web

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// parseMetrics reads the Prometheus text format strictly.
func parseMetrics(t *testing.T, text string) (values map[string]float64, types map[string]string) {
	t.Helper()
	line := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:, ?)?)*\})? (\S+)$`)
	values, types = map[string]float64{}, map[string]string{}
	for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if f := strings.Fields(l); len(f) >= 4 && f[0] == "#" && f[1] == "TYPE" {
			if types[f[2]] != "" {
				t.Errorf("%s has two types", f[2])
			}
			types[f[2]] = f[3]
			continue
		}
		if strings.HasPrefix(l, "# HELP ") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("not a metric: %q", l)
			continue
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Errorf("%q: %v", l, err)
		}
		if _, ok := values[m[1]+m[2]]; ok {
			t.Errorf("%s%s is there twice", m[1], m[2])
		}
		values[m[1]+m[2]] = v
	}
	return values, types
}

func TestMetrics(t *testing.T) {
	g := fill(t)
	s := newServer(t, Options{Registry: g, Version: `1.0 "x"`, Metrics: func(w io.Writer) { fmt.Fprintln(w, "more 7") }})
	do(s, "GET", "/nope")
	r := do(s, "GET", "/metrics")
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain; version=0.0.4") {
		t.Errorf("Content-Type %q", ct)
	}
	text := body(t, r)
	if strings.Contains(text, "hunter2") || strings.Contains(text, "192.0.2.") {
		t.Error("metrics tell who watches, or a secret")
	}
	values, types := parseMetrics(t, text)
	door, _ := g.Get("front-door")
	for name, want := range map[string]float64{
		`camgate_stream_state{stream="front-door",state="live"}`:               1,
		`camgate_stream_state{stream="front-door",state="retrying"}`:           0,
		`camgate_stream_state{stream="away",state="retrying"}`:                 1,
		`camgate_stream_retries{stream="away"}`:                                3,
		`camgate_stream_bytes_in_total{stream="front-door"}`:                   1000,
		`camgate_stream_bytes_out_total{stream="front-door"}`:                  4 * 4321,
		`camgate_stream_units_in_total{stream="front-door"}`:                   1,
		`camgate_stream_cached_bytes{stream="front-door"}`:                     float64(door.Info().Cached),
		`camgate_stream_demand{stream="front-door"}`:                           4,
		`camgate_stream_readers{stream="front-door",protocol="rtsp"}`:          2,
		`camgate_stream_readers{stream="front-door",protocol="webrtc"}`:        1,
		`camgate_stream_skipped_units_total{stream="front-door",reason="lag"}`: 0,
		`camgate_info{version="1.0 \"x\""}`:                                    1,
		`camgate_http_requests_total{code="4xx"}`:                              1,
		`camgate_http_requests_active`:                                         1,
		`more`:                                                                 7,
	} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for name := range values {
		if strings.HasPrefix(name, "camgate_stream_") && types[strings.SplitN(name, "{", 2)[0]] == "" {
			t.Errorf("%s has no type", name)
		}
	}
	if _, ok := values["process_resident_memory_bytes"]; !ok {
		t.Error("nothing about the process")
	}
}
