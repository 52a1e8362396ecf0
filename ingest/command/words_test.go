package command

import (
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
		err  string
	}{
		{in: "ffmpeg -i x.mp4 -", want: []string{"ffmpeg", "-i", "x.mp4", "-"}},
		{in: "  a\t b\n c ", want: []string{"a", "b", "c"}},
		{in: `a 'b c' "d e" f\ g`, want: []string{"a", "b c", "d e", "f g"}},
		{in: `a '' ""`, want: []string{"a", "", ""}},
		{in: `a b'c'"d"e`, want: []string{"a", "bcde"}},
		{in: `a '"\$' "'\"\$\x"`, want: []string{"a", `"\$`, `'"$\x`}},
		{in: `sh -c 'a | b > c; $(d)'`, want: []string{"sh", "-c", "a | b > c; $(d)"}},
		{in: "a $HOME *", want: []string{"a", "$HOME", "*"}},
		{in: "a | b", err: "sh -c"},
		{in: "a; b", err: "sh -c"},
		{in: "a > b", err: "sh -c"},
		{in: "a 'b", err: "single quote"},
		{in: `a "b`, err: "double quote"},
		{in: `a b\`, err: "backslash"},
		{in: "", err: "no program"},
		{in: "''", err: "no program"},
		{in: "X=1 a", err: "env NAME=VALUE"},
	} {
		got, err := Words(tt.in)
		switch {
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%q: error %v, want %q", tt.in, err, tt.err)
		case tt.err == "" && (err != nil || !slices.Equal(got, tt.want)):
			t.Errorf("%q: %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add(`a 'b c' "d\"e" f\ g`)
	f.Fuzz(func(t *testing.T, text string) {
		words, err := Words(text)
		if (err == nil) != (len(words) > 0) {
			t.Errorf("%q, %v", words, err)
		}
		total := 0
		for _, w := range words {
			total += len(w)
		}
		if total > len(text) {
			t.Errorf("%q became %q", text, words)
		}
		hide(text, secretsOf(words))
	})
}
