package jpegcam

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/httpauth"
)

const (
	maxRedirects = 5
	maxHeader    = 64 << 10 // bytes of an answer's header
	maxWaste     = 64 << 10 // bytes of an answer that is read only to be forgotten
)

// client asks one camera for pictures, by one connection after the other.
type client struct {
	transport   *http.Transport
	origin      *url.URL
	credentials httpauth.Credentials
}

func (s *Source) newClient() *client {
	only1 := new(http.Protocols)
	only1.SetHTTP1(true)
	return &client{
		transport: &http.Transport{
			DialContext:            s.dial,
			DialTLSContext:         s.dialTLS,
			ResponseHeaderTimeout:  s.opts.Timeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
			Protocols:              only1,
			MaxConnsPerHost:        1,
		},
		origin:      s.url,
		credentials: httpauth.Credentials{User: s.user, Password: s.secret},
	}
}

// close ends the connections.
func (c *client) close() { c.transport.CloseIdleConnections() }

// get asks for the pictures and follows where the camera sends us. The password goes
// to the host that it was given for, and only when that asks for it. etag is that of
// the picture that we have, or empty.
func (c *client) get(ctx context.Context, etag string) (*http.Response, error) {
	target := c.origin
	answered, redirects := 0, 0
	for {
		known := c.trusts(target)
		res, err := c.ask(ctx, target, known, etag)
		if err != nil {
			return nil, err
		}
		switch res.StatusCode {
		case http.StatusOK, http.StatusNotModified:
			return res, nil
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			waste(res)
			if redirects++; redirects > maxRedirects {
				return nil, fmt.Errorf("%w: more than %d redirects", camgate.ErrConnectionFailed, maxRedirects)
			}
			if target, err = redirected(target, res.Header.Get("Location")); err != nil {
				return nil, err
			}
			answered = 0
			continue
		case http.StatusUnauthorized:
			waste(res)
			list := httpauth.Parse(res.Header.Values("WWW-Authenticate"))
			if err := c.challenged(list, known, answered); err != nil {
				return nil, err
			}
			answered++
			continue
		}
		waste(res)
		return nil, refused(res)
	}
}

func (c *client) ask(ctx context.Context, target *url.URL, known bool, etag string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "camgate")
	req.Header.Set("Accept", "multipart/x-mixed-replace, image/jpeg, */*;q=0.5")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	if known {
		if value := c.credentials.Header(req.Method, target.RequestURI()); value != "" {
			req.Header.Set("Authorization", value)
		}
	}
	return c.transport.RoundTrip(req)
}

// challenged prepares the answer to challenges; answered is how many were answered
// for this request before.
func (c *client) challenged(list []httpauth.Challenge, known bool, answered int) error {
	switch {
	case !known:
		return fmt.Errorf("%w: the camera sends us to another host, which wants a password; ask that one", camgate.ErrAuthFailed)
	case c.credentials.User == "" && c.credentials.Password == "":
		return fmt.Errorf("%w: the camera wants a user and a password", camgate.ErrAuthFailed)
	case answered > 1, answered == 1 && !httpauth.Stale(list):
		return fmt.Errorf("%w: the camera refuses the user or the password", camgate.ErrAuthFailed)
	case !c.credentials.Accept(list):
		return fmt.Errorf("%w: the camera wants neither Basic nor Digest (MD5, SHA-256) authentication", camgate.ErrAuthFailed)
	}
	return nil
}

// trusts reports whether a host may have the password: the one that it was given for,
// and not without the TLS that it was given for.
func (c *client) trusts(target *url.URL) bool {
	if !strings.EqualFold(target.Hostname(), c.origin.Hostname()) {
		return false
	}
	return target.Scheme == c.origin.Scheme && portOf(target) == portOf(c.origin) ||
		target.Scheme == "https" && c.origin.Scheme == "http"
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// redirected returns where an answer sends us.
func redirected(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || location == "" || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil, fmt.Errorf("%w: the camera sends us to what is no HTTP URL", camgate.ErrConnectionFailed)
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	return to, nil
}

// waste ends with an answer in a way that lets its connection be used again.
func waste(res *http.Response) {
	_, _ = io.CopyN(io.Discard, res.Body, maxWaste)
	res.Body.Close()
}

// mediaType reads the Content-Type of an answer: what it is, and what the delimiter
// of its parts contains.
func mediaType(res *http.Response) (kind, boundary string) {
	field := res.Header.Get("Content-Type")
	kind, params, err := mime.ParseMediaType(field)
	if err == nil {
		return kind, params["boundary"]
	}
	// Not as RFC 2045 wants it, but cameras send it: boundary=--a b; boundary =x
	kind, rest, _ := strings.Cut(field, ";")
	if i := strings.Index(strings.ToLower(rest), "boundary"); i >= 0 {
		_, boundary, _ = strings.Cut(rest[i:], "=")
		boundary, _, _ = strings.Cut(boundary, ";")
	}
	return strings.ToLower(strings.TrimSpace(kind)), strings.Trim(boundary, " \t\"")
}

// delimiterOf is what the line between two parts has in it, whatever dashes are
// declared with it or stand before it; empty: to be found out.
func delimiterOf(boundary string) string {
	if boundary = strings.Trim(boundary, "-"); boundary == "" {
		return ""
	}
	return "--" + boundary
}

var title = regexp.MustCompile(`(?is)<title[^>]*>\s*([^<]{1,80})`)

// notPictures says what came in place of pictures.
func notPictures(res *http.Response, kind string) error {
	if kind == "text/html" || kind == "application/xhtml+xml" {
		head, _ := io.ReadAll(io.LimitReader(res.Body, maxWaste)) // for the message only
		page := "a web page"
		if m := title.FindSubmatch(head); m != nil {
			page = fmt.Sprintf("a web page, %q", strings.Join(strings.Fields(strings.ToValidUTF8(string(m[1]), "?")), " "))
		}
		return fmt.Errorf("%w: the camera answers with %s (%s), not with pictures: is the path right, and is there a login?", camgate.ErrNoVideoTrack, page, kind)
	}
	return fmt.Errorf("%w: the camera answers with %.80q, not with JPEG pictures", camgate.ErrNoVideoTrack, kind)
}
