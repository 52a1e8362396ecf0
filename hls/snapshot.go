package hls

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
)

// snapshot is all that can be asked for at one moment. It never changes; when
// there is a newer one, next is closed.
type snapshot struct {
	segments []*segment // complete and listed, oldest first
	gone     []*segment // not listed any more, served for a while
	open     segment    // with the parts that were there; no header: nothing is open
	target   int        // EXT-X-TARGETDURATION, s
	part     time.Duration
	breaks   uint64 // EXT-X-DISCONTINUITY-SEQUENCE
	hint     uint64 // part that comes next
	plan     plan
	zipper   *zipper
	next     chan struct{}

	full, delta, index rendering
}

// rendering is a playlist, made when it is asked for first.
type rendering struct {
	once sync.Once
	blob *blob
}

func (r *rendering) get(z *zipper, render func() []byte) *blob {
	r.once.Do(func() {
		r.blob = newBlob(typePlaylist, render())
		r.blob.zipper = z
	})
	return r.blob
}

// empty reports whether there is nothing to play yet.
func (s *snapshot) empty() bool { return len(s.segments) == 0 && len(s.open.parts) == 0 }

// media returns the media playlist for a request; with a query of its own it is made
// for this request, and not compressed.
func (s *snapshot) media(d directives) *blob {
	skip := 0
	if d.skip {
		skip = s.skippable()
	}
	switch {
	case d.rest != "":
		return newBlob(typePlaylist, s.renderMedia(skip, d.rest))
	case skip > 0:
		return s.delta.get(s.zipper, func() []byte { return s.renderMedia(skip, "") })
	}
	return s.full.get(s.zipper, func() []byte { return s.renderMedia(0, "") })
}

// multivariant returns the playlist of playlists for a request.
func (s *snapshot) multivariant(d directives) *blob {
	if d.rest != "" {
		return newBlob(typePlaylist, s.renderIndex(d.rest))
	}
	return s.index.get(s.zipper, func() []byte { return s.renderIndex("") })
}

// has reports whether the playlist has what a request waits for.
func (s *snapshot) has(d directives) bool {
	if d.msn >= s.open.msn {
		return d.msn == s.open.msn && d.hasPart && d.part < uint64(len(s.open.parts))
	}
	if n := len(s.segments); d.hasPart && n > 0 && d.msn == s.segments[n-1].msn && d.part >= uint64(len(s.segments[n-1].parts)) {
		// Beyond the last part of a segment means the first part of the next one.
		return len(s.open.parts) > 0
	}
	return true
}

// absurd reports whether a request is too far ahead to be waited for (RFC 8216bis
// section 6.2.5.2: two segments, or three parts as far as they are long).
func (s *snapshot) absurd(d directives) bool {
	if d.msn > s.open.msn+1 {
		return true
	}
	limit := uint64(3)
	if s.part < time.Second && s.part > 0 {
		limit = uint64(math.Ceil(3 / s.part.Seconds()))
	}
	return d.hasPart && d.msn == s.open.msn && d.part > uint64(len(s.open.parts))+limit
}

// patience is how long a reload is held back: long against what it waits for, and
// shorter than players are patient (hls.js: the longer of three part targets and 0.8
// target durations).
func (s *snapshot) patience(d directives) time.Duration {
	target := time.Duration(s.target) * time.Second
	if !d.hasPart {
		return 3 * target // for a whole segment
	}
	return max(3*s.part-s.part/4, target*3/4)
}

// find returns what has that name, or nil.
func (s *snapshot) find(n name) *blob {
	for _, list := range [...][]*segment{s.segments, s.gone, {&s.open}} {
		for i := len(list) - 1; i >= 0; i-- {
			if b := list[i].find(n); b != nil {
				return b
			}
		}
	}
	return nil
}

func (s *segment) find(n name) *blob {
	switch n.kind {
	case fileInit:
		if s.header != nil && s.header.name == n {
			return s.header.init
		}
	case fileSegment:
		if s.msn == n.n {
			return s.whole
		}
	case filePart:
		// Their numbers have no holes.
		if k := len(s.parts); k > 0 && n.n >= s.parts[0].id && n.n-s.parts[0].id < uint64(k) {
			return s.parts[n.n-s.parts[0].id].blob
		}
	}
	return nil
}

// skipUntil is how far from the end of the playlist segments can be left out of a
// delta update (RFC 8216bis section 4.4.3.8: six target durations at least).
func (s *snapshot) skipUntil() time.Duration { return 6 * time.Duration(s.target) * time.Second }

// skippable returns how many segments a delta update leaves out.
func (s *snapshot) skippable() int {
	var total time.Duration
	for _, p := range s.open.parts {
		total += p.duration
	}
	for i := len(s.segments) - 1; i >= 0; i-- {
		total += s.segments[i].duration
		if total > s.skipUntil() {
			return i
		}
	}
	return 0
}

// withParts is how many complete segments list their parts.
const withParts = 2

func (s *snapshot) renderMedia(skip int, query string) []byte {
	p := page{b: make([]byte, 0, 4096), query: query}
	first := s.open.msn - uint64(len(s.segments))
	p.line("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:").num(uint64(s.target))
	p.line("\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=").secs(3 * s.part)
	p.line(",CAN-SKIP-UNTIL=").secs(s.skipUntil())
	p.line("\n#EXT-X-PART-INF:PART-TARGET=").secs(s.part)
	p.line("\n#EXT-X-MEDIA-SEQUENCE:").num(first)
	if s.breaks > 0 {
		p.line("\n#EXT-X-DISCONTINUITY-SEQUENCE:").num(s.breaks)
	}
	p.line("\n")
	if s.independent() {
		p.line("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	if skip > 0 {
		p.line("#EXT-X-SKIP:SKIPPED-SEGMENTS=").num(uint64(skip)).line("\n")
		p.header = s.segments[skip-1].header // known from the segments left out
	}
	for i := skip; i < len(s.segments); i++ {
		g := s.segments[i]
		p.segment(g, i >= len(s.segments)-withParts)
		p.line("#EXTINF:").secs(g.duration).line(",\n").uri(name{fileSegment, g.msn}).line("\n")
	}
	if s.open.header != nil {
		p.segment(&s.open, true)
	}
	p.line(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`).uri(name{filePart, s.hint}).line("\"\n")
	return p.b
}

func (s *snapshot) independent() bool {
	for _, g := range s.segments {
		if !g.independent {
			return false
		}
	}
	return s.open.header == nil || s.open.independent
}

// renderIndex writes the playlist of playlists: there is one, with all tracks in it.
func (s *snapshot) renderIndex(query string) []byte {
	h := s.open.header
	if h == nil {
		h = s.segments[len(s.segments)-1].header
	}
	peak, mean := s.bandwidth()
	v := &playlist.MultivariantVariant{
		Bandwidth: peak, AverageBandwidth: &mean, Codecs: h.codecs, Resolution: h.resolution,
		URI: mediaName + query,
	}
	if h.fps > 0 && h.fps < 1000 {
		v.FrameRate = &h.fps
	}
	b, err := playlist.Multivariant{Version: 9, Variants: []*playlist.MultivariantVariant{v}}.Marshal()
	if err != nil {
		panic("hls: multivariant playlist: " + err.Error()) // all it asks for is there
	}
	for _, l := range s.plan.left {
		b = append(b, "# not served: "+strings.ReplaceAll(l, "\n", " ")+"\n"...)
	}
	return b
}

// bandwidth returns the peak of all segments and the mean, bit/s.
func (s *snapshot) bandwidth() (peak, mean int) {
	size, length := 0, time.Duration(0)
	count := func(n int, d time.Duration) {
		size, length = size+n, length+d
		if d > 0 {
			peak = max(peak, int(float64(8*n)/d.Seconds()))
		}
	}
	for _, g := range s.segments {
		count(g.size, g.duration)
	}
	if len(s.segments) == 0 {
		for _, p := range s.open.parts {
			length += p.duration
		}
		n, d := s.open.size, length
		length = 0
		count(n, d)
	}
	if length > 0 {
		mean = int(float64(8*size) / length.Seconds())
	}
	return max(peak, 1), max(mean, 1)
}

// page is a media playlist that is being written.
type page struct {
	b      []byte
	query  string
	header *header // as the last EXT-X-MAP said
}

func (p *page) line(s string) *page { p.b = append(p.b, s...); return p }
func (p *page) num(n uint64) *page  { p.b = strconv.AppendUint(p.b, n, 10); return p }
func (p *page) uri(n name) *page    { p.b = n.append(p.b); return p.line(p.query) }
func (p *page) mapOf(h *header) {
	if h == nil || h == p.header {
		return
	}
	p.header = h
	p.line(`#EXT-X-MAP:URI="`).uri(h.name).line("\"\n")
}

func (p *page) secs(d time.Duration) *page {
	p.b = strconv.AppendFloat(p.b, d.Seconds(), 'f', 5, 64)
	return p
}

// segment writes what comes before a segment's EXTINF.
func (p *page) segment(g *segment, parts bool) {
	if g.discontinuity {
		p.line("#EXT-X-DISCONTINUITY\n")
	}
	p.mapOf(g.header)
	p.line("#EXT-X-PROGRAM-DATE-TIME:")
	p.b = g.start.UTC().AppendFormat(p.b, "2006-01-02T15:04:05.000Z")
	p.line("\n")
	if !parts {
		return
	}
	for _, x := range g.parts {
		p.line("#EXT-X-PART:DURATION=").secs(x.duration).line(`,URI="`).uri(name{filePart, x.id}).line(`"`)
		if x.independent {
			p.line(",INDEPENDENT=YES")
		}
		p.line("\n")
	}
}
