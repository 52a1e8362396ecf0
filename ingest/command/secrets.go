package command

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// userinfo is what stands before the host of a URL.
	userinfo = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^\s"'<>]*)@`)
	// named is a flag or parameter whose value nobody else is to see.
	named = regexp.MustCompile(`(?i)(?:pass|pwd|secret|token|auth|cred|key|code)[a-z0-9_-]*`)
	// pair is such a one with its value.
	pair = regexp.MustCompile(named.String() + `[=:]\s*([^&\s"']+)`)
)

// minSecret is the length of a value below which hiding it would only garble messages.
const minSecret = 3

// secretsOf lists what in a command line looks like a secret, the longest first:
// programs repeat their arguments in their messages.
func secretsOf(args []string) []string {
	var out []string
	add := func(s string) {
		if len(s) >= minSecret && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for i, arg := range args {
		for _, m := range userinfo.FindAllStringSubmatch(arg, -1) {
			add(m[1])
			if _, password, ok := strings.Cut(m[1], ":"); ok {
				add(password)
			}
		}
		for _, m := range pair.FindAllStringSubmatch(arg, -1) {
			add(m[1])
		}
		if i > 0 && strings.HasPrefix(args[i-1], "-") && named.MatchString(args[i-1]) && !strings.HasPrefix(arg, "-") {
			add(arg)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// hide replaces secrets in a text.
func hide(text string, secrets []string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return userinfo.ReplaceAllStringFunc(text, func(m string) string {
		return m[:strings.Index(m, "://")+3] + "***@"
	})
}
