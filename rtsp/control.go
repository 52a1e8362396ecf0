package rtsp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"github.com/camgate/camgate"
)

const (
	// defaultTimeout is when a session ends that is not kept alive (RFC 2326 section
	// 12.37), in seconds; keepAlives is how often we do that within it: one may meet a
	// nonce that has run out. maxTimeout bounds it, as cameras do not always mean what
	// they say.
	defaultTimeout = 60
	maxTimeout     = 24
	keepAlives     = 3
	maxAsked       = 16
)

// asked is a request whose response is awaited.
type asked struct {
	method     base.Method
	uri        string
	authorized bool // it told who we are
	transport  base.HeaderValue
}

// control stands between the library and a camera: it sees each request before it
// is sent and each response before the library acts upon it. All of it runs in one
// goroutine of the library, or while that waits for us.
type control struct {
	login  login
	asked  map[string]asked // by CSeq
	notify func(error)      // ends the session

	again    bool  // the request that was refused is worth sending again
	refused  error // why it is not
	redirect *url.URL
	playing  atomic.Bool
	noParam  bool        // GET_PARAMETER is not known to the camera
	noRange  bool        // nor are ranges
	timeout  uint64      // of the session, in seconds; 0: the camera has not said
	media    bool        // there is one in the description
	open     atomic.Bool // media were asked for

	mu      sync.Mutex
	server  string // what the camera calls itself
	scheme  string // how we logged in
	repairs []string
}

func (c *control) request(req *base.Request) {
	switch {
	case req.Method == base.GetParameter && c.noParam:
		req.Method = base.Options
	case req.Method == base.Play && c.noRange:
		delete(req.Header, "Range")
	}
	if req.Method == base.Play {
		c.open.Store(true)
	}
	a := asked{method: req.Method, uri: req.URL.CloneWithoutCredentials().String(), transport: req.Header["Transport"]}
	if value := c.login.authorize(string(req.Method), a.uri); value != "" {
		a.authorized = true
		req.Header["Authorization"] = base.HeaderValue{value}
	}
	if c.asked == nil || len(c.asked) >= maxAsked {
		c.asked = map[string]asked{}
	}
	c.asked[sequenceOf(req.Header)] = a
}

func sequenceOf(h base.Header) string {
	if v := h["CSeq"]; len(v) > 0 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

func (c *control) response(res *base.Response) {
	seq := sequenceOf(res.Header)
	a := c.asked[seq]
	delete(c.asked, seq)
	if v := res.Header["Server"]; len(v) > 0 {
		c.tell(func() { c.server = v[0] })
	}
	switch {
	case res.StatusCode == base.StatusUnauthorized:
		c.challenged(res, a)
		return
	case a.authorized:
		c.login.accepted = true
		c.tell(func() { c.scheme = c.login.challenge.name() })
	}
	switch {
	case a.method == base.Describe && res.StatusCode >= 300 && res.StatusCode < 400:
		c.redirected(res, a)
	case c.playing.Load() && res.StatusCode == base.StatusSessionNotFound:
		c.notify(fmt.Errorf("%w: the camera has ended the session", camgate.ErrConnectionFailed))
	case a.method == base.Play && res.StatusCode == base.StatusInvalidRange && !c.noRange:
		c.noRange, c.again = true, true
	case res.StatusCode != base.StatusOK:
		c.tolerate(res, a)
	case a.method == base.Describe:
		c.described(res)
	case a.method == base.Setup:
		c.setUp(res, a)
	}
	if v := res.Header["Session"]; len(v) > 0 {
		res.Header["Session"] = base.HeaderValue{c.keptAlive(v[0])}
	}
}

func (c *control) challenged(res *base.Response, a asked) {
	if err := c.login.challenged(res.Header["WWW-Authenticate"], a.authorized); err != nil {
		c.refused = fmt.Errorf("%w: %w", camgate.ErrAuthFailed, err)
		if c.playing.Load() {
			c.notify(c.refused)
		}
		return
	}
	c.again = true // a keep-alive has its turn again soon enough
}

// tolerate lets pass what some cameras answer to requests that they need not know.
func (c *control) tolerate(res *base.Response, a asked) {
	switch a.method {
	case base.Options:
		res.StatusCode = base.StatusOK
	case base.GetParameter:
		c.noParam = true
	}
}

func (c *control) redirected(res *base.Response, a asked) {
	if v := res.Header["Location"]; len(v) == 1 {
		from, err := url.Parse(a.uri)
		if err != nil {
			return
		}
		if to, err := from.Parse(strings.TrimSpace(v[0])); err == nil && to.Host != "" {
			c.redirect = to
		}
	}
	delete(res.Header, "Location") // or the library goes there, with the password
}

// described repairs the answer to DESCRIBE as far as we can make out what is meant.
func (c *control) described(res *base.Response) {
	res.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
	if v := res.Header["Content-Base"]; len(v) > 0 {
		if u, err := base.ParseURL(strings.TrimSpace(v[0])); err == nil && usableHost(u.Hostname()) || strings.HasPrefix(v[0], "/") {
			res.Header["Content-Base"] = v[:1]
		} else {
			delete(res.Header, "Content-Base")
			c.tell(func() { c.repairs = append(c.repairs, "Content-Base") })
		}
	}
	c.media = bytes.Contains(res.Body, []byte("m="))
	body, repairs := repairSDP(res.Body)
	res.Body = body
	c.tell(func() { c.repairs = append(c.repairs, repairs...) })
}

// tell changes what others may ask for.
func (c *control) tell(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// usableHost is false for names that a camera only can have for itself.
func usableHost(host string) bool { return host != "" && host != "0.0.0.0" && host != "::" }

// setUp repairs the transport of an answer to SETUP.
func (c *control) setUp(res *base.Response, a asked) {
	v := res.Header["Transport"]
	if len(v) == 0 || len(a.transport) == 0 {
		return
	}
	// Of several, which nobody should send, the first.
	profile, rest, _ := strings.Cut(strings.TrimSpace(v[0]), ";")
	profile = strings.ToUpper(strings.TrimSpace(profile))
	fixed := profile
	interleaved := false
	for part := range strings.SplitSeq(rest, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch key {
		case "":
			continue
		case "interleaved":
			interleaved = true
		case "mode", "ssrc", "ttl", "layers", "append":
			continue // of no use here, and often wrong
		}
		fixed += ";" + key
		if value != "" {
			fixed += "=" + strings.Trim(value, `"`)
		}
	}
	if strings.HasSuffix(profile, "/TCP") && !interleaved {
		var wanted headers.Transport
		if err := wanted.Unmarshal(a.transport); err == nil && wanted.InterleavedIDs != nil {
			fixed += fmt.Sprintf(";interleaved=%d-%d", wanted.InterleavedIDs[0], wanted.InterleavedIDs[1])
		}
	}
	res.Header["Transport"] = base.HeaderValue{fixed}
}

// keptAlive makes a Session header that the library reads as we want it: it keeps a
// session alive five seconds before its end, which one lost request would be. The
// timeout is told once, and stays.
func (c *control) keptAlive(v string) string {
	id, rest, _ := strings.Cut(v, ";")
	timeout := cmp.Or(c.timeout, min(defaultTimeout, maxTimeout))
	for part := range strings.SplitSeq(rest, ";") {
		key, value, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(key), "timeout") {
			digits := strings.TrimSpace(value)
			if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
				digits = digits[:end]
			}
			if n, err := strconv.ParseUint(digits, 10, 32); err == nil && n > 0 {
				timeout = min(n, maxTimeout)
				c.timeout = timeout
			}
		}
	}
	const early = 5 // seconds, the library's
	return strings.TrimSpace(id) + ";timeout=" + strconv.FormatUint(timeout/keepAlives+early, 10)
}

// serverRequest makes the library answer what cameras ask: anything but OPTIONS would
// be an error to it.
func (c *control) serverRequest(req *base.Request) {
	if req.Method == base.Teardown || req.Method == "REDIRECT" {
		c.notify(fmt.Errorf("%w: the camera ends the session", camgate.ErrConnectionFailed))
	}
	req.Method = base.Options
}

// ask sends a request, and sends it again where that can help.
func (c *control) ask(send func() error) error {
	for {
		c.again, c.refused = false, nil
		err := send()
		switch {
		case err == nil:
			return nil
		case c.redirect != nil:
			to := c.redirect
			c.redirect = nil
			return &redirectError{to}
		case !c.again:
			return cmp.Or(c.refused, translate(err))
		}
	}
}

// redirectError is a camera's wish that we look elsewhere.
type redirectError struct{ to *url.URL }

func (e *redirectError) Error() string { return "redirected to " + e.to.Redacted() }

// follow makes the URL that a redirection leads to, and says whether a password may
// go there in clear.
func follow(from, to *url.URL) (u *url.URL, same bool, err error) {
	scheme := strings.ToLower(to.Scheme)
	switch {
	case scheme != "rtsp" && scheme != "rtsps":
		return nil, false, fmt.Errorf("%w: the camera redirects to %s", camgate.ErrConnectionFailed, to.Redacted())
	case from.Scheme == "rtsps" && scheme == "rtsp":
		return nil, false, fmt.Errorf("%w: the camera redirects to a connection without encryption", camgate.ErrConnectionFailed)
	}
	next := *to
	next.Scheme, next.User, next.Fragment, next.RawFragment = scheme, from.User, "", ""
	return &next, strings.EqualFold(next.Hostname(), from.Hostname()), nil
}

var errClearPassword = errors.New("the camera redirects to another host, which wants the password in clear")
