package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxNodes bounds the values in a file with all that aliases repeat.
	maxNodes = 200_000
	// maxDepth bounds how deep a merge key may lead to another one.
	maxDepth = 20
)

// decoder fills a Config from the nodes of a YAML document: strictly, going on
// after an error, and keeping the places of all values.
type decoder struct {
	at       places
	env      string // the variable that the document came from; empty: a file
	lookup   func(string) (string, bool)
	problems []Problem
	nodes    int
}

func (d *decoder) place(n *yaml.Node) Place {
	if d.env != "" {
		return Place{Env: d.env}
	}
	return Place{File: d.at.file, Line: n.Line, Col: n.Column}
}

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if path != "" {
		message = path + ": " + message
	}
	d.problems = append(d.problems, Problem{d.place(n), message})
}

// value fills v, which may be a section, a list, a map of sections or a scalar.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) {
	n, ok := d.resolve(n, path)
	if !ok {
		return
	}
	d.at.set(path, d.place(n))
	switch v.Kind() {
	case reflect.Struct:
		d.section(n, v, path)
	case reflect.Map:
		d.sections(n, v, path)
	case reflect.Slice:
		d.list(n, v, path, tag)
	default:
		d.scalar(n, v, path, tag)
	}
}

// resolve follows an alias to what it stands for.
func (d *decoder) resolve(n *yaml.Node, path string) (*yaml.Node, bool) {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.fail(n, path, "more than %d values", maxNodes)
		}
		return nil, false
	}
	for i := 0; n.Kind == yaml.AliasNode; i++ {
		if n.Alias == nil || i > maxDepth {
			d.fail(n, path, "the alias leads nowhere")
			return nil, false
		}
		n = n.Alias
	}
	return n, true
}

// entry is one key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

// entries lists a mapping with all that is merged into it; its own keys win.
func (d *decoder) entries(n *yaml.Node, path string, depth int) []entry {
	var own, merged []entry
	seen := map[string]int{} // line of each key
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.fail(key, path, "want a plain key")
			continue
		}
		if key.Tag == "!!merge" {
			merged = append(merged, d.merged(value, path, depth)...)
			continue
		}
		if line, twice := seen[key.Value]; twice {
			d.fail(key, path, "the key %q is here twice, first in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		own = append(own, entry{key, value})
	}
	for _, e := range merged {
		if _, ok := seen[e.key.Value]; !ok {
			seen[e.key.Value] = e.key.Line
			own = append(own, e)
		}
	}
	return own
}

// merged lists what "<<: *alias" or "<<: [*a, *b]" stands for.
func (d *decoder) merged(n *yaml.Node, path string, depth int) []entry {
	n, ok := d.resolve(n, path)
	switch {
	case !ok:
		return nil
	case depth > maxDepth:
		d.fail(n, path, "merge keys lead too deep")
		return nil
	case n.Kind == yaml.MappingNode:
		return d.entries(n, path, depth+1)
	case n.Kind == yaml.SequenceNode:
		var out []entry
		for _, item := range n.Content {
			out = append(out, d.merged(item, path, depth+1)...)
		}
		return out
	}
	d.fail(n, path, "only sections can be merged")
	return nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (d *decoder) section(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if s, ok := v.Addr().Interface().(*ICEServer); ok && n.Kind == yaml.ScalarNode {
		d.scalar(n, reflect.ValueOf(&s.URL).Elem(), path, "")
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a section of keys and values, not %s", kindName(n))
		return
	}
	fields := fieldsOf(v.Type())
	for _, e := range d.entries(n, path, 0) {
		if path == "" && strings.HasPrefix(e.key.Value, "x-") {
			continue // a place for anchors
		}
		known := false
		for _, f := range fields {
			if f.key == e.key.Value {
				d.value(e.value, v.FieldByIndex(f.Index), join(path, f.key), f.Tag)
				known = true
			}
		}
		if !known {
			d.fail(e.key, path, "unknown key %q: %s", printable(e.key.Value), suggest(e.key.Value, keysOf(v.Type())))
		}
	}
}

// sections fills a map of sections, or of values, by name.
func (d *decoder) sections(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want names with %s each, not %s", map[bool]string{true: "a value", false: "a section"}[v.Type().Elem().Kind() == reflect.String], kindName(n))
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, e := range d.entries(n, path, 0) {
		if v.Type().Elem().Kind() == reflect.String {
			element := reflect.New(v.Type().Elem()).Elem()
			d.value(e.value, element, join(path, printable(e.key.Value)), "")
			v.SetMapIndex(reflect.ValueOf(e.key.Value), element)
			continue
		}
		element := newDefault(v.Type().Elem().Elem())
		name := join(path, printable(e.key.Value))
		d.value(e.value, element, name, "")
		d.at.set(name, d.place(e.key))
		v.SetMapIndex(reflect.ValueOf(e.key.Value), element.Addr())
	}
}

// list fills a slice; one value alone is a list of one.
func (d *decoder) list(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) {
	v.SetZero()
	if isNull(n) {
		return
	}
	items := n.Content
	if n.Kind != yaml.SequenceNode {
		if v.Type().Elem().Kind() == reflect.Struct {
			d.fail(n, path, "want a list, not %s: begin each entry with a dash", kindName(n))
			return
		}
		items = []*yaml.Node{n}
	}
	for i, item := range items {
		element := reflect.New(v.Type().Elem()).Elem()
		if element.Kind() == reflect.Struct {
			setDefaults(element)
		}
		at := path
		if n.Kind == yaml.SequenceNode {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		d.value(item, element, at, tag)
		v.Set(reflect.Append(v, element))
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string, tag reflect.StructTag) {
	switch {
	case isNull(n):
		d.fail(n, path, "has no value")
		return
	case n.Kind != yaml.ScalarNode:
		d.fail(n, path, "want one value, not %s", kindName(n))
		return
	}
	text := n.Value
	if d.env == "" {
		var err error
		if text, err = expand(n.Value, d.lookup); err != nil {
			d.fail(n, path, "%v", err)
			return
		}
	}
	if err := setScalar(v, text, tag); err != nil {
		// As it is in the file, so that no variable's value is shown.
		if d.env != "" || isSecret(v.Type()) {
			d.fail(n, path, "%v", err)
		} else {
			d.fail(n, path, "%q %v", printable(n.Value), err)
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode, yaml.DocumentNode, yaml.AliasNode:
	}
	return "one value"
}

// printable makes fit for a message what it repeats of the file.
func printable(s string) string {
	const most = 60
	s = Redact(s)
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
