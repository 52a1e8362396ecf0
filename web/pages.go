package web

import (
	"embed"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

//go:embed pages
var pageFiles embed.FS

// pages are what people see, by name. The scripts do the rest.
type pages struct{ files map[string]string }

// loadPages reads the pages and puts their common parts in.
func loadPages() (*pages, error) {
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		return nil, err
	}
	p := &pages{files: map[string]string{}}
	for _, e := range entries {
		text, err := pageFiles.ReadFile("pages/" + e.Name())
		if err != nil {
			return nil, err
		}
		p.files[strings.TrimSuffix(e.Name(), ".html")] = string(text)
	}
	for name, text := range p.files {
		for _, part := range []string{"head", "brand", "foot"} {
			text = strings.ReplaceAll(text, "{{>"+part+"}}", strings.TrimSuffix(p.files[part], "\n"))
		}
		p.files[name] = text
	}
	return p, nil
}

// values are what a page is filled with: {{name}} stands for the value of that name.
// The package does not use html/template: that makes the linker keep each method of
// each type in the program, which are seven megabytes here.
type values map[string]string

// text makes a value of text from outside, fit for elements and quoted attributes.
func (v values) text(name, value string) { v[name] = html.EscapeString(value) }

// fill returns a page with the values in their places.
func (p *pages) fill(name string, v values) []byte {
	pairs := make([]string, 0, 2*len(v))
	for name, value := range v {
		pairs = append(pairs, "{{"+name+"}}", value)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(p.files[name]))
}

// dashboard is the list of streams.
func (s *Server) dashboard(c *gin.Context) {
	if !s.permit(c, camgate.ActionList, "") {
		return
	}
	v := values{"modules": s.modules()}
	v.text("title", "camgate")
	s.page(c, http.StatusOK, "dashboard", v)
}

// player is the page of one stream.
func (s *Server) player(c *gin.Context, stream *camgate.Stream) {
	v := values{"modules": "", "plain": ""}
	v.text("title", stream.Name()+" · camgate")
	v.text("stream", stream.Name())
	v["modules"] = s.modules()
	if s.opts.Outputs.MJPEG != nil { // there is something to show without scripts
		v["plain"] = `<noscript><img class="player-plain" src="/` + v["stream"] + `/mjpeg" alt="Live pictures of ` + v["stream"] + `"></noscript>`
	}
	s.page(c, http.StatusOK, "player", v)
}

// playerModules are what the player's script will ask for: they are loaded all at
// once, rather than one after the other.
var playerModules = [...]string{
	"player.js", "ladder.js", "attempt.js", "rung.js", "rungs.js", "gateway.js", "whep.js", "figures.js", "llhls.js", "mjpeg.js", "plainmjpeg.js", "stills.js", "poster.js", "meter.js",
	"presence.js", "sound.js", "picture.js", "screen.js", "lips.js", "controls.js", "overlay.js", "talk.js", "dom.js", "words.js",
}

// modules are the links that load the player early.
func (s *Server) modules() string {
	var b strings.Builder
	for _, module := range playerModules {
		b.WriteString(`<link rel="modulepreload" href="` + s.assets.base() + "/" + module + "\">\n")
	}
	b.WriteString(`<link rel="preload" as="style" href="` + s.assets.base() + "/player.css\">\n")
	return b.String()
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
	v := values{"of": "", "code": strconv.Itoa(code)}
	v.text("title", heading(code)+" · camgate")
	v.text("heading", heading(code))
	v.text("reason", reason)
	if stream != "" {
		v["of"] = "<b>" + html.EscapeString(stream) + "</b>: "
	}
	s.page(c, code, "error", v)
}

func (s *Server) page(c *gin.Context, code int, name string, v values) {
	v.text("assets", s.assets.base())
	v.text("version", s.opts.Version)
	c.Header("Content-Security-Policy", policy)
	c.Header("Cache-Control", "no-store")
	c.Data(code, "text/html; charset=utf-8", s.pages.fill(name, v))
}
