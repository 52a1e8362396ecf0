package config

import (
	"fmt"
	"regexp"
	"strings"
)

// reference is ${NAME} or ${NAME:default}; with one more $ before it, it is meant
// literally. Anything else with a dollar stands for itself: passwords have those.
var reference = regexp.MustCompile(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(:[^}]*)?\}`)

// expand replaces the references to variables of the environment.
func expand(text string, lookup func(string) (string, bool)) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var err error
	out := reference.ReplaceAllStringFunc(text, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref[1:]
		}
		name, fallback, hasFallback := strings.Cut(ref[2:len(ref)-1], ":")
		value, ok := lookup(name)
		switch {
		case strings.HasPrefix(fallback, "-"):
			err = fmt.Errorf("${%s:-...}: write the default without the dash, ${%s:...}", name, name)
		case ok:
			return value
		case !hasFallback:
			err = fmt.Errorf("the environment has no %s: set it, write ${%s:default}, or $${%s} for these characters themselves", name, name, name)
		}
		return fallback
	})
	return out, err
}

// Escape writes a text so that expand leaves it as it is.
func Escape(text string) string {
	return reference.ReplaceAllString(text, "$$${0}")
}
