package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a config file in bytes.
const maxFile = 4 << 20

// Loaded is a config that is valid, with what is strange about it.
type Loaded struct {
	*Config
	Warnings []Problem
}

// Default returns the config of an empty file.
func Default() *Config {
	c := newDefault(reflect.TypeFor[Config]()).Addr().Interface().(*Config)
	c.at = places{by: map[string]Place{}}
	return c
}

// Load reads a file, or only the environment (as os.Environ gives it) when path is
// empty. What is wrong comes as an InvalidError, all at once.
func Load(path string, environ []string) (*Loaded, error) {
	if path == "" {
		return Parse(nil, "", environ)
	}
	data, err := readFile(path)
	if err != nil {
		return nil, InvalidError{{Place{File: path}, err.Error()}}
	}
	return Parse(data, path, environ)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, errors.New("there is no such file")
		}
		return nil, unwrapPath(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, unwrapPath(err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	return data, nil
}

// unwrapPath takes away the path of an error that is told with the path.
func unwrapPath(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Parse is Load with the contents of the file; path is its name in messages, and
// files that it names are looked for beside it.
func Parse(data []byte, path string, environ []string) (*Loaded, error) {
	c := Default()
	c.at.file = path
	if path != "" {
		c.dir = filepath.Dir(path)
	}
	vars := newVariables(environ)
	c.stateDir = defaultStateDir(vars.lookup)
	d := &decoder{at: c.at, lookup: vars.lookup}
	d.document(data, reflect.ValueOf(c).Elem())
	warnings := vars.apply(c, d)
	if len(d.problems) == 0 {
		v := &validator{Config: c}
		v.all()
		d.problems, warnings = v.problems, append(warnings, v.warnings...)
	}
	if len(d.problems) > 0 {
		sortProblems(d.problems)
		return nil, InvalidError(d.problems)
	}
	return &Loaded{c, warnings}, nil
}

// document decodes a file of one document.
func (d *decoder) document(data []byte, v reflect.Value) {
	y := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := y.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return // empty
	case err != nil:
		d.problems = append(d.problems, d.syntax(err, data))
		return
	}
	if len(doc.Content) == 1 {
		d.value(doc.Content[0], v, "", "")
	}
	if err := y.Decode(&more); err == nil {
		d.fail(&more, "", "a second document begins here: a config is one document")
	} else if !errors.Is(err, io.EOF) {
		d.problems = append(d.problems, d.syntax(err, data))
	}
}

var (
	yamlLine  = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	yamlAlias = regexp.MustCompile(`unknown anchor '([^']*)'`)
)

// parserMessages are what the parser, not the scanner, of the library did not find.
var parserMessages = [...]string{"key", "node content", "',' or", "'-' indicator", "<document start>"}

// syntax makes a Problem of an error of the YAML parser, which is text only.
func (d *decoder) syntax(err error, data []byte) Problem {
	at, message := Place{File: d.at.file, Line: 1, Col: 1, Env: d.env}, err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.Line = line
		}
	}
	for _, m := range parserMessages {
		// The library counts the lines of these from zero, and names none for zero.
		if strings.HasPrefix(message, "did not find expected "+m) {
			at.Line++
			if !strings.Contains(err.Error(), "yaml: line ") {
				at.Line = 1
			}
		}
	}
	if strings.Contains(message, "',' or '}'") && bytes.Contains(data, []byte("${")) {
		message += ": between braces, quote a value with ${...} in it"
	}
	lines := strings.Split(string(data), "\n")
	if m := yamlAlias.FindStringSubmatch(message); m != nil {
		for i, line := range lines {
			if col := strings.Index(line, "*"+m[1]); col >= 0 {
				at.Line, at.Col = i+1, col+1
				break
			}
		}
		// Not by its name: it may be a password that begins with a star.
		message = "there is no such anchor: quote a value that begins with *"
	}
	if strings.Contains(message, "cannot start any token") {
		for i, line := range lines {
			if tab := strings.IndexByte(line, '\t'); tab >= 0 && strings.Trim(line[:tab], " ") == "" {
				at.Line, at.Col, message = i+1, tab+1, "a tab: YAML is indented with spaces"
				break
			}
		}
	}
	return Problem{at, message}
}
