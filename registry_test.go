package camgate

import (
	"errors"
	"strings"
	"testing"
)

func TestValidName(t *testing.T) {
	tests := []struct {
		name string
		want string // in the error; empty: valid
	}{
		{"demo", ""},
		{"front-door", ""},
		{"live/front", ""},
		{"a/b/c/d", ""},
		{"A_z-9.x", ""},
		{".hidden", ""},
		{"...", ""},
		{"-", ""},
		{"apis", ""},
		{"live/api", ""}, // a page's word, but not in front
		{"API", ""},
		{strings.Repeat("x", 200), ""},

		{"", "1 to 200 characters"},
		{strings.Repeat("x", 201), "1 to 200 characters"},
		{"/", "empty or dot segments"},
		{"/front", "empty or dot segments"},
		{"front/", "empty or dot segments"},
		{"live//front", "empty or dot segments"},
		{".", "empty or dot segments"},
		{"..", "empty or dot segments"},
		{"../etc/passwd", "empty or dot segments"},
		{"live/./front", "empty or dot segments"},
		{"live/../front", "empty or dot segments"},
		{"front door", `" " is not allowed`},
		{"front?x", `"?" is not allowed`},
		{"front*", `"*" is not allowed`},
		{"front%2f", `"%" is not allowed`},
		{`front\door`, `"\\" is not allowed`},
		{"front\n", `"\n" is not allowed`},
		{"front\x00", `"\x00" is not allowed`},
		{"haustür", "is not allowed"},
		{"\xff", "is not allowed"},
		{"api", `begin with "api"`},
		{"api/v1/streams", `begin with "api"`},
		{"healthz", `begin with "healthz"`},
		{"readyz", `begin with "readyz"`},
		{"metrics", `begin with "metrics"`},
		{"assets/app.js", `begin with "assets"`},
	}
	for _, tt := range tests {
		err := ValidName(tt.name)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%q: %v, want it valid", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%q: %v, want %q", tt.name, err, tt.want)
		}
		_, err = NewRegistry(0).Add(tt.name, StreamLimits{})
		if (err == nil) != (tt.want == "") {
			t.Errorf("Add of %q: %v", tt.name, err)
		}
	}
}

func TestRegistry(t *testing.T) {
	g := NewRegistry(2)
	b, err := g.Add("b", StreamLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Add("b", StreamLimits{}); !errors.Is(err, ErrStreamExists) {
		t.Errorf("the same name again: %v", err)
	}
	if _, err := g.Add("a/b", StreamLimits{}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Add("b", StreamLimits{}); !errors.Is(err, ErrStreamExists) {
		t.Errorf("a known name at the limit: %v", err)
	}
	if _, err := g.Add("c", StreamLimits{}); !errors.Is(err, ErrTooManyStreams) || !strings.Contains(err.Error(), "the limit is 2") {
		t.Errorf("over the limit: %v", err)
	}
	if s, err := g.Get("b"); s != b || err != nil {
		t.Errorf("Get: %v, %v", s, err)
	}
	var where *StreamError
	if _, err := g.Get("x"); !errors.Is(err, ErrStreamNotFound) || !errors.As(err, &where) || where.Stream != "x" {
		t.Errorf("Get of an unknown name: %v", err)
	}
	var names []string
	for _, s := range g.List() {
		names = append(names, s.Name())
	}
	if got := strings.Join(names, " "); got != "a/b b" {
		t.Errorf("List: %q", got)
	}
	g.Remove("x")
	g.Remove("b")
	if _, err := b.Claim("me"); !errors.Is(err, ErrClosed) {
		t.Errorf("a removed stream is not closed: %v", err)
	}
	if s, err := g.Add("b", StreamLimits{}); err != nil || s == b {
		t.Errorf("the name of a removed stream: %v, %v", s, err)
	}
}
