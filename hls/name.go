package hls

import (
	"net/url"
	"strconv"
	"strings"
)

type fileKind int

const (
	fileIndex fileKind = iota // multivariant playlist
	fileMedia                 // media playlist
	fileInit                  // initialization section, by the hash of its content
	fileSegment
	filePart
)

const (
	indexName = "index.m3u8"
	mediaName = "stream.m3u8"
)

// name is a file name taken apart. Numbers are never used again with another
// content, also not by a worker that is started later (see firstNumber), so media
// can be cached for ever.
type name struct {
	kind fileKind
	n    uint64
}

func (n name) String() string { return string(n.append(nil)) }

func (n name) append(b []byte) []byte {
	switch n.kind {
	case fileIndex:
		return append(b, indexName...)
	case fileMedia:
		return append(b, mediaName...)
	case fileInit:
		b = append(b, "init"...)
	case fileSegment:
		b = append(b, "seg"...)
	case filePart:
		b = append(b, "part"...)
	}
	b = strconv.AppendUint(b, n.n, 10)
	return append(b, ".mp4"...)
}

// parseName is the reverse of name.String; other spellings of a number are no names.
func parseName(file string) (name, bool) {
	switch file {
	case indexName:
		return name{kind: fileIndex}, true
	case mediaName:
		return name{kind: fileMedia}, true
	}
	base, ok := strings.CutSuffix(file, ".mp4")
	if !ok {
		return name{}, false
	}
	for _, k := range [...]struct {
		prefix string
		kind   fileKind
	}{{"part", filePart}, {"seg", fileSegment}, {"init", fileInit}} {
		digits, ok := strings.CutPrefix(base, k.prefix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || (digits[0] == '0' && len(digits) > 1) || digits[0] == '+' {
			return name{}, false
		}
		return name{k.kind, n}, true
	}
	return name{}, false
}

// directives are the delivery directives of a request for a media playlist
// (RFC 8216bis section 6.2.5).
type directives struct {
	blocks  bool
	msn     uint64 // wait for this segment,
	hasPart bool
	part    uint64 // or for this part of it
	skip    bool   // a delta update will do
	// rest is the query without directives, normalised, with "?" in front: every
	// URI in the playlist gets it, so that a token goes with all requests.
	rest string
}

// parseQuery reads a raw query; ok is false when a directive makes no sense.
func parseQuery(raw string) (d directives, ok bool) {
	if raw == "" {
		return d, true
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return d, false
	}
	if v := q["_HLS_msn"]; len(v) > 0 {
		if d.msn, err = strconv.ParseUint(v[0], 10, 63); err != nil {
			return d, false
		}
		d.blocks = true
	}
	if v := q["_HLS_part"]; len(v) > 0 {
		// A part without its segment means nothing.
		if d.part, err = strconv.ParseUint(v[0], 10, 31); err != nil || !d.blocks {
			return d, false
		}
		d.hasPart = true
	}
	if v := q["_HLS_skip"]; len(v) > 0 {
		d.skip = v[0] == "YES" || v[0] == "v2"
	}
	for k := range q {
		if strings.HasPrefix(k, "_HLS_") {
			delete(q, k)
		}
	}
	if len(q) > 0 {
		d.rest = "?" + q.Encode()
	}
	return d, true
}
