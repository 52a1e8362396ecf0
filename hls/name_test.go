package hls

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, n := range []name{{fileIndex, 0}, {fileMedia, 0}, {fileInit, 1<<64 - 1}, {fileSegment, 0}, {filePart, 12345}} {
		if got, ok := parseName(n.String()); !ok || got != n {
			t.Errorf("%s: %v %v", n, got, ok)
		}
	}
	for _, s := range []string{"", ".mp4", "seg.mp4", "seg01.mp4", "seg+1.mp4", "seg-1.mp4", "seg1.ts", "seg1", "seg18446744073709551616.mp4", "seg1 .mp4", "partx.mp4", "INDEX.M3U8"} {
		if n, ok := parseName(s); ok {
			t.Errorf("%q is %v", s, n)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"index.m3u8", "stream.m3u8", "seg12.mp4", "part3.mp4", "init4.mp4", "seg00.mp4", "part.mp4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := parseName(s); ok && n.String() != s {
			t.Errorf("%q is read as %s", s, n)
		}
	})
}

func TestQuery(t *testing.T) {
	for raw, want := range map[string]directives{
		"":                                       {},
		"_HLS_msn=7":                             {blocks: true, msn: 7},
		"_HLS_msn=7&_HLS_part=0":                 {blocks: true, msn: 7, hasPart: true},
		"_HLS_skip=YES":                          {skip: true},
		"_HLS_skip=v2&_HLS_msn=1":                {skip: true, blocks: true, msn: 1},
		"_HLS_skip=no":                           {},
		"_HLS_push=1":                            {},
		"b=2&a=1&_HLS_msn=7":                     {blocks: true, msn: 7, rest: "?a=1&b=2"},
		"_HLS_part=3&_HLS_msn=4&_HLS_primary_id": {blocks: true, msn: 4, hasPart: true, part: 3},
	} {
		if got, ok := parseQuery(raw); !ok || got != want {
			t.Errorf("%s: %+v %v, want %+v", raw, got, ok, want)
		}
	}
	for _, raw := range []string{"_HLS_msn=", "_HLS_msn=x", "_HLS_msn=-1", "_HLS_msn=9223372036854775808", "_HLS_part=1", "_HLS_msn=1&_HLS_part=x", "a;b", "%"} {
		if d, ok := parseQuery(raw); ok {
			t.Errorf("%s is %+v", raw, d)
		}
	}
}

// FuzzQuery: whatever the query, a request is answered, and what goes from it into
// a playlist is harmless there.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"_HLS_msn=7&_HLS_part=1&_HLS_skip=YES", "token=x", "a=\"\n#EXT-X-ENDLIST", "%zz", "_HLS_msn=18446744073709551615"} {
		f.Add(s)
	}
	s := &snapshot{target: 2, part: 200e6, next: make(chan struct{}), open: segment{msn: 9, header: &header{name: name{fileInit, 1}}}}
	p := &part{id: 5, duration: 200e6, blob: newBlob(typeVideo, nil)}
	s.open.parts = []*part{p}
	s.segments = []*segment{{msn: 8, header: s.open.header, parts: []*part{p}, whole: p.blob, duration: 1e9}}
	f.Fuzz(func(t *testing.T, raw string) {
		d, ok := parseQuery(raw)
		if !ok {
			return
		}
		s.absurd(d)
		s.has(d)
		if d.rest != "" {
			if q, err := url.ParseQuery(d.rest[1:]); err != nil || len(q) == 0 {
				t.Errorf("%q: %v", d.rest, err)
			}
		}
		if strings.ContainsAny(d.rest, "\"\r\n") || strings.Contains(d.rest, "?_HLS_") || strings.Contains(d.rest, "&_HLS_") {
			t.Errorf("%q", d.rest)
		}
		lines := strings.Count(string(s.renderMedia(0, "")), "\n")
		if n := strings.Count(string(s.renderMedia(0, d.rest)), "\n"); n != lines {
			t.Errorf("%q makes %d lines of %d", raw, n, lines)
		}
		w := httptest.NewRecorder()
		s.media(d).write(w, httptest.NewRequestWithContext(context.Background(), "GET", "/", nil), cacheShort)
	})
}
