package config

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse: the loader never panics, what is wrong comes as an InvalidError, and the
// secret of the environment is in none of them.
func FuzzParse(f *testing.F) {
	for _, file := range []string{fullFile, minimalFile} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "CAMGATE_LOG_LEVEL", "debug")
	}
	f.Add([]byte("streams: &s {a: {<<: *s}}"), "CAMGATE_STREAMS", "{a: &b [*b]}")
	f.Add([]byte("a: &a [*a]\n---\n- b"), "CAMGATE_USERS_X_PASSWORD_FILE", "/nowhere")
	f.Add([]byte("users: [{name: ${X}, password: '${SECRET}', role: ${SECRET}}]"), "X", "y")
	f.Fuzz(func(t *testing.T, data []byte, name, value string) {
		const secret = "v3rys3cret"
		loaded, err := Parse(data, "c.yaml", []string{"SECRET=" + secret, name + "=" + value})
		var problems InvalidError
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0 || loaded != nil) {
			t.Fatalf("%T: %v", err, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(string(data)+name+value, secret) {
			t.Fatalf("the secret is shown: %v", err)
		}
	})
}

// FuzzEscape: what Escape and quoting write is read as it was.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "x", "${X}", "$${X}", "$$$${X:y}", "a: b", "*x", "'\"\\\n\x00\u2028", "${${X}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || !utf8.ValidString(s) {
			return
		}
		loaded, err := Parse([]byte("users: [{name: a, role: admin, password: "+strconv.Quote(Escape(s))+"}]"), "", []string{"X=1"})
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if got := string(loaded.Users[0].Password); got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

// FuzzParseSource: a source that is taken has a URL that can be parsed, and what
// is printed of it has no password.
func FuzzParseSource(f *testing.F) {
	for _, s := range []string{"rtsp://u:p@h/x", "file:x", "demo", "rtsp://u:a/b@h", "rtsp://[::1]:1/", "rtsp://h/%zz", "rtsps://@h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source, err := ParseSource(SourceURL(text))
		if err != nil || source.URL == nil {
			return
		}
		if _, err := source.URL.Parse(source.URL.String()); err != nil {
			t.Fatalf("%q gives %q: %v", text, source.URL, err)
		}
		if password, ok := source.URL.User.Password(); ok && len(password) > 20 && strings.Contains(SourceURL(text).String(), password) {
			t.Fatalf("%q is shown as %q", text, SourceURL(text))
		}
	})
}
