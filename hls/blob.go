package hls

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/camgate/camgate"
)

// blob is bytes to be served to many, with their header fields made once. Nobody
// writes to any of it.
type blob struct {
	pieces [][]byte // one behind the other
	size   int
	kind   []string // Content-Type
	length []string // Content-Length

	zipper *zipper // of those that are served compressed too; else nil
	zip    sync.Once
	zipped *blob
}

// zipper compresses playlists, one at a time: what gzip needs for itself is large
// against what it works on.
type zipper struct {
	mu  sync.Mutex
	w   *gzip.Writer // nil until it is needed
	buf bytes.Buffer
}

func (z *zipper) compress(pieces [][]byte) []byte {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.buf.Reset()
	if z.w == nil {
		z.w, _ = gzip.NewWriterLevel(&z.buf, gzip.BestSpeed) // fails for other levels only
	}
	z.w.Reset(&z.buf)
	for _, p := range pieces {
		_, _ = z.w.Write(p) // to memory: cannot fail
	}
	_ = z.w.Close()
	return bytes.Clone(z.buf.Bytes())
}

var (
	typePlaylist = []string{"application/vnd.apple.mpegurl"}
	typeVideo    = []string{"video/mp4"}
	typeAudio    = []string{"audio/mp4"}
	typeText     = []string{"text/plain; charset=utf-8"}
	encodingGzip = []string{"gzip"}

	// Media never changes under its name; playlists do with each part.
	cacheMedia        = []string{"public, max-age=3600, immutable"}
	cacheMediaPrivate = []string{"private, max-age=3600, immutable"}
	cacheShort        = []string{"public, max-age=1"}
	cacheShortPrivate = []string{"private, max-age=1"}
	cacheNever        = []string{"no-store"}
)

func newBlob(kind []string, pieces ...[]byte) *blob {
	b := &blob{pieces: pieces, kind: kind}
	for _, p := range pieces {
		b.size += len(p)
	}
	b.length = []string{strconv.Itoa(b.size)}
	return b
}

func newMedia(data []byte, kind camgate.Kind) *blob { return newBlob(mediaType(kind), data) }

func mediaType(lead camgate.Kind) []string {
	if lead == camgate.Audio {
		return typeAudio
	}
	return typeVideo
}

// gzip returns the blob compressed; that is done when it is asked for first.
func (b *blob) gzip() *blob {
	b.zip.Do(func() { b.zipped = newBlob(b.kind, b.zipper.compress(b.pieces)) })
	return b.zipped
}

// write answers with the blob and returns how many bytes of it went out.
func (b *blob) write(w http.ResponseWriter, r *http.Request, cache []string) int {
	h := w.Header()
	h["Content-Type"] = b.kind
	h["Cache-Control"] = cache
	if b.zipper != nil {
		h["Vary"] = append(h["Vary"], "Accept-Encoding")
		if takesGzip(r) {
			b = b.gzip()
			h["Content-Encoding"] = encodingGzip
		}
	}
	h["Content-Length"] = b.length
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return 0
	}
	n := 0
	for _, p := range b.pieces {
		m, err := w.Write(p)
		n += m
		if err != nil {
			break // the client went
		}
	}
	return n
}

// takesGzip reports whether the client asked for gzip (RFC 9110 section 12.5.3).
func takesGzip(r *http.Request) bool {
	for _, line := range r.Header["Accept-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				_, q, _ := strings.Cut(params, "q=")
				v, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
				return q == "" || err == nil && v > 0
			}
		}
	}
	return false
}
