package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// parseURL takes a URL as people write it: a password may have any characters. A
// slash in it needs to be %2F only where what stands before it could be a port, or
// behind an @, a host.
func parseURL(scheme, rest string) (url.URL, error) {
	u := url.URL{Scheme: scheme}
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return u, fmt.Errorf("two slashes follow the scheme: %s://HOST/PATH", scheme)
	}
	if at := endOfUserinfo(rest); at >= 0 {
		user, password, has := strings.Cut(rest[:at], ":")
		u.User = url.User(unescape(user))
		if has {
			u.User = url.UserPassword(unescape(user), unescape(password))
		}
		rest = rest[at+1:]
	}
	host := hostOf(rest)
	path, _, _ := strings.Cut(rest[len(host):], "#")
	path, query, _ := strings.Cut(path, "?")
	if err := checkHost(scheme, host); err != nil {
		return u, err
	}
	u.Host, u.Path, u.RawQuery = host, unescape(path), query
	u.RawPath = path // kept where it is a valid encoding of Path: some cameras insist on theirs
	if _, err := url.Parse(u.String()); err != nil {
		return u, errNoHost(scheme) // all else is escaped; err would show a password
	}
	return u, nil
}

// endOfUserinfo returns the index of the @ before the host, or -1.
func endOfUserinfo(rest string) int {
	at := firstEndOfUserinfo(rest)
	for at >= 0 && checkHost("", hostOf(rest[at+1:])) != nil {
		// An @ of the password, as no host follows: p@ss:w/rd@host.
		next := strings.IndexByte(rest[at+1:], '@')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return at
}

// firstEndOfUserinfo is where userinfo ends at the earliest, or -1.
func firstEndOfUserinfo(rest string) int {
	host := hostOf(rest)
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		return at
	}
	// user:pass/word@host: what follows the colon would be no port.
	_, port, ok := strings.Cut(host, ":")
	if _, err := strconv.ParseUint(port, 10, 16); !ok || err == nil || strings.HasPrefix(rest, "[") {
		return -1
	}
	return strings.IndexByte(rest, '@')
}

// hostOf is the beginning of a URL's rest, up to its path, query or fragment.
func hostOf(rest string) string {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i]
	}
	return rest
}

// unescape decodes percent escapes; what is none stands for itself.
func unescape(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}

// checkHost says what is wrong with a host, without repeating it: where there is no
// @ after a password, that is what would be taken for a host.
func checkHost(scheme, host string) error {
	name := host
	if h, p, err := net.SplitHostPort(host); err == nil {
		name = h
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return errors.New("what follows the host is no port: that is a number from 1 to 65535")
		}
	} else if strings.Count(host, ":") == 1 {
		return errNoHost(scheme)
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	switch {
	case name == "":
		return fmt.Errorf("it names no host: write %s://HOST/PATH", scheme)
	case strings.ContainsAny(name, " \t\"<>\\^`{|}%@"):
		return errNoHost(scheme)
	case strings.Contains(name, ":") && net.ParseIP(name) == nil:
		return fmt.Errorf("an IPv6 address stands in brackets, and is one: %s://[fe80::1]/PATH", scheme)
	}
	return nil
}

func errNoHost(scheme string) error {
	return fmt.Errorf("what stands for the host cannot be one: write %s://USER:PASSWORD@HOST:PORT/PATH", scheme)
}
