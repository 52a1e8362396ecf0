package onvif

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // it is what the UsernameToken profile has
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/httpauth"
)

// The spaces of names.
const (
	spaceSOAP   = "http://www.w3.org/2003/05/soap-envelope"
	spaceDevice = "http://www.onvif.org/ver10/device/wsdl"
	spaceMedia  = "http://www.onvif.org/ver10/media/wsdl"
	spaceMedia2 = "http://www.onvif.org/ver20/media/wsdl"
	spaceSchema = "http://www.onvif.org/ver10/schema"
	spaceWSSE   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	spaceWSU    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	profileWSS  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
	encodingWSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
)

const (
	maxRedirects = 3
	maxHeader    = 64 << 10
)

// login is how we tell who we are.
type login int

const (
	loginNone  login = iota // until the camera asks
	loginToken              // WS-UsernameToken, in the message
	loginHTTP               // Digest or Basic, in the header
)

// client asks one camera, for one attempt. It logs in in one way only, so that a wrong
// password is one failed login and not several.
type client struct {
	resolver    *Resolver
	transport   *http.Transport
	login       login
	challenged  bool // loginHTTP has been tried
	credentials httpauth.Credentials
	skew        time.Duration // by which the camera's clock is ahead
	date        time.Duration // the same by HTTP's Date, which has been seen last
	known       bool          // there was a Date
}

// request is what a service is asked.
type request struct {
	service *url.URL
	space   string
	action  string
	body    string // within the element of the action
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   *element // of the envelope; nil: there is none
	kind   string   // of the content, where there is no envelope
}

// call asks, and logs in when the camera wants it.
func (c *client) call(ctx context.Context, r request) (*element, error) {
	stale := false
	for {
		a, err := c.post(ctx, &r)
		if err != nil {
			return nil, err
		}
		fault := faultOf(r.action, a.body)
		if a.status == http.StatusOK && fault == nil && a.body != nil {
			if response := a.body.child(r.action + "Response"); response != nil {
				return response, nil
			}
			return nil, notONVIF("one to another question")
		}
		again, err := c.denied(a, fault, &stale)
		switch {
		case err != nil:
			return nil, err
		case again:
			continue
		case fault != nil:
			return nil, fault
		case a.status == http.StatusOK:
			return nil, notONVIF(a.kind)
		}
		return nil, notONVIF(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))
	}
}

// denied decides how to go on when there is no answer to the question itself: again
// after a login, or not at all.
func (c *client) denied(a answer, fault *faultError, stale *bool) (again bool, err error) {
	refused := a.status == http.StatusUnauthorized || a.status == http.StatusForbidden && fault == nil || fault != nil && fault.refused()
	list := httpauth.Parse(a.header.Values("WWW-Authenticate"))
	named := c.credentials.User != "" || c.credentials.Password != ""
	// Some say anything but that they want to know who asks.
	perhaps := c.login == loginNone && named &&
		(fault != nil && !fault.unsupported() || fault == nil && (a.status == http.StatusBadRequest || a.status == http.StatusInternalServerError))
	switch {
	case !refused && !perhaps:
		return false, nil
	case !named:
		return false, fmt.Errorf("%w: the camera wants a user and a password: onvif://USER:PASSWORD@HOST", camgate.ErrAuthFailed)
	case a.status == http.StatusUnauthorized && !c.challenged && c.credentials.Accept(list):
		c.login, c.challenged = loginHTTP, true
		return true, nil
	case c.login == loginHTTP && !*stale && httpauth.Stale(list) && c.credentials.Accept(list):
		*stale = true
		return true, nil
	case c.login == loginNone, c.login == loginHTTP && c.resolver.other.CompareAndSwap(false, true):
		// Cameras there are that ask for one and mean the other; that is found out once.
		c.login = loginToken
		return true, nil
	}
	reason := "the camera refuses the user or the password; many cameras have users of their own for ONVIF, to be added in their settings"
	if fault != nil && fault.reason != "" {
		reason += fmt.Sprintf(" (%q)", fault.reason)
	}
	return false, fmt.Errorf("%w: %s", camgate.ErrAuthFailed, reason)
}

// post sends a request, and again where the camera sends us.
func (c *client) post(ctx context.Context, r *request) (answer, error) {
	for redirects := 0; ; redirects++ {
		res, err := c.send(ctx, *r)
		if err != nil {
			return answer{}, err
		}
		switch res.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			res.Body.Close()
			to, err := r.service.Parse(res.Header.Get("Location"))
			if err != nil || redirects == maxRedirects || !mayFollow(r.service, to) {
				return answer{}, notONVIF("a redirect to another place")
			}
			r.service = to
			continue
		}
		return c.read(res)
	}
}

// mayFollow tells whether a redirect stays with the camera: passwords go no further.
func mayFollow(from, to *url.URL) bool {
	if !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	return to.Scheme == from.Scheme && portOf(to) == portOf(from) || from.Scheme == "http" && to.Scheme == "https"
}

func (c *client) send(ctx context.Context, r request) (*http.Response, error) {
	body := c.envelope(r)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.service.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", `application/soap+xml; charset=utf-8; action="`+r.space+"/"+r.action+`"`)
	req.Header.Set("User-Agent", "camgate")
	if c.login == loginHTTP {
		req.Header.Set("Authorization", c.credentials.Header(req.Method, r.service.RequestURI()))
	}
	return c.transport.RoundTrip(req)
}

func (c *client) read(res *http.Response) (answer, error) {
	defer res.Body.Close()
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		c.date, c.known = time.Until(at), true
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxMessage+1))
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header}
	a.kind = fmt.Sprintf("%.60q", clean(res.Header.Get("Content-Type")))
	root, err := parse(data)
	switch {
	case err == nil && root.name == "Envelope":
		a.body = root.child("Body")
	case err != nil && !errors.Is(err, errNoXML):
		return answer{}, fmt.Errorf("%w: the camera answers with %w", camgate.ErrConnectionFailed, err)
	}
	return a, nil
}

// envelope writes a request as a message.
func (c *client) envelope(r request) string {
	var b strings.Builder
	b.WriteString(xml.Header + `<s:Envelope xmlns:s="` + spaceSOAP + `">`)
	if c.login == loginToken {
		b.WriteString("<s:Header>" + c.token(time.Now().Add(c.skew), rand.Text()) + "</s:Header>")
	}
	fmt.Fprintf(&b, `<s:Body><%s xmlns="%s">%s</%s></s:Body></s:Envelope>`, r.action, r.space, r.body, r.action)
	return b.String()
}

// token is the UsernameToken (WS-Security UsernameToken profile 1.0, section 3.1). now
// is the time by the camera's clock: it refuses what it takes for old.
func (c *client) token(now time.Time, nonce string) string {
	created := now.UTC().Format("2006-01-02T15:04:05.000Z")
	sum := sha1.Sum([]byte(nonce + created + c.credentials.Password)) //nolint:gosec // see above
	return `<w:Security s:mustUnderstand="1" xmlns:w="` + spaceWSSE + `" xmlns:u="` + spaceWSU + `"><w:UsernameToken><w:Username>` +
		escaped(c.credentials.User) + `</w:Username><w:Password Type="` + profileWSS + `">` + base64.StdEncoding.EncodeToString(sum[:]) +
		`</w:Password><w:Nonce EncodingType="` + encodingWSS + `">` + base64.StdEncoding.EncodeToString([]byte(nonce)) +
		`</w:Nonce><u:Created>` + created + `</u:Created></w:UsernameToken></w:Security>`
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}
