package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

//go:embed static
var static embed.FS

// assets are the files that pages load. Pages use URLs with a digest of all of
// them, /assets/DIGEST/file, which are good for ever: the modules' relative
// imports stay within the same version. /assets/file is the newest one, for pages
// of others that embed the player.
type assets struct {
	digest string
	files  map[string]*asset
}

type asset struct {
	contentType string
	body        []byte // nil: it is there compressed only
	etag        string
	once        sync.Once
	gzipped     []byte // made by whoever asks first; nil: not smaller
}

// contentType of an asset; empty: not known. The system's table is not asked: it
// differs.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return ""
}

func loadAssets() (*assets, error) {
	a := &assets{files: map[string]*asset{}}
	all := sha256.New()
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		packed := path.Ext(name) == ".gz"
		kind := contentType(strings.TrimSuffix(name, ".gz"))
		if kind == "" {
			return fmt.Errorf("%s: no content type is known", name)
		}
		sum := sha256.Sum256(body)
		fmt.Fprintf(all, "%s %x\n", name, sum)
		f := &asset{contentType: kind, body: body, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
		if packed {
			f.body, f.gzipped = nil, body
		}
		a.files[strings.TrimSuffix(strings.TrimPrefix(name, "static/"), ".gz")] = f
		return nil
	})
	a.digest = hex.EncodeToString(all.Sum(nil)[:6])
	return a, err
}

// base is what pages put before the names of assets.
func (a *assets) base() string { return "/assets/" + a.digest }

func (s *Server) serveAsset(c *gin.Context) {
	name := strings.TrimPrefix(c.Param("file"), "/")
	cache := "no-cache" // ask whether the ETag is still right
	if rest, ok := strings.CutPrefix(name, s.assets.digest+"/"); ok {
		name, cache = rest, "public, max-age=31536000, immutable"
	}
	f := s.assets.files[name]
	if f == nil {
		s.notFound(c)
		return
	}
	h := c.Writer.Header()
	// Scripts of a public project: any page may embed the player.
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", cache)
	h.Add("Vary", "Accept-Encoding")
	body, etag := f.body, f.etag
	z := f.gzip()
	switch {
	case z != nil && acceptsGzip(c.Request):
		body, etag = z, strings.TrimSuffix(etag, `"`)+`-gz"`
		h.Set("Content-Encoding", "gzip")
	case body == nil:
		var err error
		if body, err = unpack(z); err != nil {
			s.fail(c, "", err)
			return
		}
	}
	h.Set("ETag", etag)
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(body))
}

// gzip returns the compressed body, or nil when that is no gain.
func (f *asset) gzip() []byte {
	f.once.Do(func() {
		if f.body == nil {
			return
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(f.body); err == nil && z.Close() == nil && b.Len() < len(f.body)*9/10 {
			f.gzipped = b.Bytes()
		}
	})
	return f.gzipped
}

// unpack is for the few that do not take it compressed.
func unpack(z []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func acceptsGzip(r *http.Request) bool {
	if r.Header.Get("Range") != "" {
		return false // a part of the compressed bytes would be of no use
	}
	for _, coding := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
