package command

import (
	"errors"
	"fmt"
	"strings"
)

// Words takes a command line apart as a POSIX shell does (Shell Command Language,
// section 2.2): quotes and backslashes, and nothing else. There are no variables, no
// patterns, no pipes: who wants these writes sh -c '...'.
func Words(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inside := false // of a word, which may be empty
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\n', '\r':
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
			continue
		case '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("a single quote has no end")
			}
			word.WriteString(text[i+1 : i+1+end])
			i += 1 + end
		case '"':
			n, err := quoted(&word, text[i+1:])
			if err != nil {
				return nil, err
			}
			i += n
		case '\\':
			if i++; i == len(text) {
				return nil, errors.New("nothing follows the last backslash")
			}
			word.WriteByte(text[i])
		default:
			if strings.IndexByte("|&;<>()`", c) >= 0 {
				return nil, fmt.Errorf("%q means something to a shell, and there is none: put it in quotes, or write sh -c '...'", c)
			}
			word.WriteByte(c)
		}
		inside = true
	}
	if inside {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("it names no program")
	}
	if name, _, ok := strings.Cut(words[0], "="); ok && !strings.Contains(name, "/") {
		return nil, errors.New("a variable stands before the program: write env NAME=VALUE PROGRAM")
	}
	return words, nil
}

// quoted takes what stands in double quotes and returns its length with the last one.
func quoted(word *strings.Builder, text string) (int, error) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\' && i+1 < len(text) && strings.IndexByte("\\\"$`\n", text[i+1]) >= 0:
			i++
			word.WriteByte(text[i])
		default:
			word.WriteByte(c)
		}
	}
	return 0, errors.New("a double quote has no end")
}
