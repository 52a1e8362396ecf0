package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// policy lets pages load from this gateway only. "blob:" is for pictures and
// media that our own scripts made.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
	"connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'"

// protect sets the headers that keep browsers from doing more than they should,
// and refuses what a page from elsewhere would ask a loopback gateway.
func (s *Server) protect(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if !s.opts.LoopbackOnly {
		return
	}
	r := c.Request
	if host := hostname(r.Host); host != "" && !isLoopback(host) {
		// DNS rebinding: a page's own name that suddenly means 127.0.0.1.
		s.refuse(c, http.StatusForbidden, "", "this gateway has no users and serves this machine only: ask for it by localhost or 127.0.0.1, or configure users")
		return
	}
	origin := r.Header.Get("Origin")
	if origin != "" && !safe(r.Method) && s.allowOrigin(r) == "" {
		s.refuse(c, http.StatusForbidden, "", "pages of other hosts may not do this")
	}
}

// cors tells browsers which pages of other hosts may read an answer, and answers
// their preflight requests, which come without credentials.
func (s *Server) cors(c *gin.Context) {
	h := c.Writer.Header()
	if !slices.Contains(s.opts.AllowOrigins, "*") {
		h.Add("Vary", "Origin")
	}
	if origin := s.allowOrigin(c.Request); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Location, Link, ETag, Accept-Patch, Retry-After, X-Camgate-Missing, X-Camgate-Made, X-Camgate-Talk, X-Camgate-Picture, Age, X-Timestamp")
	}
	if c.Request.Method != http.MethodOptions {
		return
	}
	preflight := c.Request.Header.Get("Access-Control-Request-Method") != ""
	t := resolve(s.opts.Registry, c.Request.URL.Path)
	if !preflight && (t.output == outWHEP || t.output == outWHIP) {
		return // a question to the output
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match, Range")
	h.Set("Access-Control-Max-Age", "7200")
	if t.output == outWHEP || t.output == outWHIP {
		h.Set("Accept-Post", "application/sdp")
	}
	c.AbortWithStatus(http.StatusNoContent)
}

// allowOrigin returns what Access-Control-Allow-Origin is to say; empty: nothing.
func (s *Server) allowOrigin(r *http.Request) string {
	if slices.Contains(s.opts.AllowOrigins, "*") {
		return "*"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return ""
	}
	if slices.Contains(s.opts.AllowOrigins, origin) {
		return origin
	}
	if len(s.opts.AllowOrigins) == 0 {
		if u, err := url.Parse(origin); err == nil && isLoopback(u.Hostname()) {
			return origin
		}
	}
	return ""
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// hostname is a Host header without its port and brackets.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// isLoopback reports whether a host's name always means the machine itself
// (RFC 6761 section 6.3 for "localhost").
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
