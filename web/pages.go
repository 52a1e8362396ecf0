package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

//go:embed pages
var pageFiles embed.FS

// pages are the templates of what people see. The scripts do the rest.
type pages struct{ templates *template.Template }

func loadPages() (*pages, error) {
	t, err := template.ParseFS(pageFiles, "pages/*.html")
	return &pages{t}, err
}

// pageData is what templates know.
type pageData struct {
	Assets  string // base URL of the assets
	Version string
	Title   string
	Stream  string
	Modules []string // that the page's script will ask for
	MJPEG   bool     // there is something to show without scripts
	Code    int
	Heading string
	Reason  string
}

// dashboard is the list of streams.
func (s *Server) dashboard(c *gin.Context) {
	if !s.permit(c, camgate.ActionList, "") {
		return
	}
	s.page(c, http.StatusOK, "dashboard.html", pageData{Title: "camgate"})
}

// player is the page of one stream.
func (s *Server) player(c *gin.Context, stream *camgate.Stream) {
	s.page(c, http.StatusOK, "player.html", pageData{
		Title: stream.Name() + " · camgate", Stream: stream.Name(), MJPEG: s.opts.Outputs.MJPEG != nil,
		// So that they are loaded all at once, rather than one after the other.
		Modules: []string{"player.js", "ladder.js", "answers.js", "whep.js", "llhls.js", "mjpeg.js", "dom.js", "words.js", "meter.js"},
	})
}

// heading says in plain words what a status means.
func heading(code int) string {
	switch code {
	case http.StatusUnauthorized:
		return "Please log in"
	case http.StatusForbidden:
		return "Not permitted"
	case http.StatusNotFound:
		return "Nothing here"
	case http.StatusMethodNotAllowed:
		return "Not possible here"
	case http.StatusNotAcceptable:
		return "Cannot be shown this way"
	case http.StatusTooManyRequests:
		return "Please wait a moment"
	case http.StatusInternalServerError:
		return "Something went wrong"
	case http.StatusNotImplemented:
		return "Not offered here"
	case http.StatusServiceUnavailable:
		return "Not available now"
	}
	return http.StatusText(code)
}

func (s *Server) errorPage(c *gin.Context, code int, stream, reason string) {
	s.page(c, code, "error.html", pageData{
		Title: heading(code) + " · camgate", Stream: stream, Code: code, Heading: heading(code), Reason: reason,
	})
}

func (s *Server) page(c *gin.Context, code int, name string, data pageData) {
	data.Assets, data.Version = s.assets.base(), s.opts.Version
	var b bytes.Buffer
	if err := s.pages.templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // the templates are part of the program
	}
	c.Header("Content-Security-Policy", policy)
	c.Header("Cache-Control", "no-store")
	c.Data(code, "text/html; charset=utf-8", b.Bytes())
}
