package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	envPrefix  = "CAMGATE_"
	fileSuffix = "_FILE"
)

// ConfigVariable names the config file, in place of -c.
const ConfigVariable = envPrefix + "CONFIG"

// variables are those of the environment, by name.
type variables struct {
	all  map[string]string
	ours []string // those that begin with the prefix, sorted
}

func newVariables(environ []string) *variables {
	vs := &variables{all: map[string]string{}}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		vs.all[name] = value
		if strings.HasPrefix(name, envPrefix) && name != ConfigVariable {
			vs.ours = append(vs.ours, name)
		}
	}
	slices.Sort(vs.ours)
	vs.ours = slices.Compact(vs.ours)
	return vs
}

func (vs *variables) lookup(name string) (string, bool) {
	value, ok := vs.all[name]
	return value, ok
}

// leaf is a key that a variable can set: a scalar, a list, or all of a map.
type leaf struct {
	name  string // of the variable, without the prefix
	path  string
	value reflect.Value
	tag   reflect.StructTag
}

// leaves lists what the variables can set in a section.
func leaves(section reflect.Value, name, path string) []leaf {
	var out []leaf
	for _, f := range fieldsOf(section.Type()) {
		v := section.FieldByIndex(f.Index)
		l := leaf{variable(name, f.key), join(path, f.key), v, f.Tag}
		if v.Kind() == reflect.Struct {
			out = append(out, leaves(v, l.name, l.path)...)
		} else {
			out = append(out, l)
		}
	}
	return out
}

// variable is the name of the variable for a key.
func variable(section, key string) string {
	key = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(key))
	if section != "" {
		section += "_"
	}
	return section + strings.ToUpper(key)
}

// apply sets what the variables say and returns a warning for each that says
// nothing. Values are never repeated.
func (vs *variables) apply(c *Config, d *decoder) (warnings []Problem) {
	for _, name := range vs.ours {
		short := strings.TrimPrefix(name, envPrefix)
		known := leaves(reflect.ValueOf(c).Elem(), "", "")
		l, fromFile, ok := find(known, short)
		if !ok {
			l, fromFile, ok = vs.element(c, short)
		}
		if !ok {
			names := make([]string, len(known))
			for i, l := range known {
				names[i] = strings.ToLower(l.name)
			}
			warnings = append(warnings, Problem{Place{Env: name}, unknownVariable(short, names)})
			continue
		}
		vs.set(l, name, fromFile, d)
	}
	return warnings
}

func unknownVariable(name string, known []string) string {
	if s := suggest(name, known); strings.HasPrefix(s, "did") {
		_, word, _ := strings.Cut(s, `"`)
		word, _, _ = strings.Cut(word, `"`)
		return "camgate knows no such variable: did you mean " + variable(strings.TrimSuffix(envPrefix, "_"), word) + "?"
	}
	return "camgate knows no such variable"
}

// find returns the key that a variable sets; NAME_FILE names a file with a secret.
func find(known []leaf, name string) (l leaf, fromFile, ok bool) {
	for _, l := range known {
		switch {
		case l.name == name:
			return l, false, true
		case l.name+fileSuffix == name && isSecret(l.value.Type()):
			return l, true, true
		}
	}
	return leaf{}, false, false
}

// element finds the key of a stream or a user that a variable sets, as
// STREAMS_FRONT_DOOR_SOURCE or USERS_TV_PASSWORD, and makes that stream or user if
// there is none. An existing name counts before a new one.
func (vs *variables) element(c *Config, name string) (l leaf, fromFile, ok bool) {
	if rest, ok := strings.CutPrefix(name, "STREAMS_"); ok {
		return vs.stream(c, rest)
	}
	if rest, ok := strings.CutPrefix(name, "USERS_"); ok {
		return vs.user(c, rest)
	}
	return leaf{}, false, false
}

func (vs *variables) stream(c *Config, rest string) (l leaf, fromFile, ok bool) {
	element, key := splitElement(rest, reflect.TypeFor[Stream](), func(element string) bool {
		return findStream(c, element) != ""
	})
	if element == "" {
		return leaf{}, false, false
	}
	name := findStream(c, element)
	if name == "" {
		name = strings.ToLower(element)
		if c.Streams == nil {
			c.Streams = map[string]*Stream{}
		}
		c.Streams[name] = newDefault(reflect.TypeFor[Stream]()).Addr().Interface().(*Stream)
		c.at.set(join("streams", name), Place{Env: envPrefix + "STREAMS_" + rest})
	}
	return find(leaves(reflect.ValueOf(c.Streams[name]).Elem(), "", join("streams", name)), key)
}

func findStream(c *Config, element string) string {
	found := ""
	for name := range c.Streams {
		if variable("", name) == element && (found == "" || name < found) {
			found = name
		}
	}
	return found
}

func (vs *variables) user(c *Config, rest string) (l leaf, fromFile, ok bool) {
	index := func(element string) int {
		return slices.IndexFunc(c.Users, func(u User) bool { return variable("", u.Name) == element })
	}
	element, key := splitElement(rest, reflect.TypeFor[User](), func(element string) bool { return index(element) >= 0 })
	if element == "" {
		return leaf{}, false, false
	}
	i := index(element)
	if i < 0 {
		i = len(c.Users)
		c.Users = append(c.Users, User{Name: strings.ToLower(element)})
		c.at.set(fmt.Sprintf("users[%d]", i), Place{Env: envPrefix + "USERS_" + rest})
	}
	return find(leaves(reflect.ValueOf(&c.Users[i]).Elem(), "", fmt.Sprintf("users[%d]", i)), key)
}

// splitElement parts FRONT_DOOR_TLS_CA into FRONT_DOOR and TLS_CA. The longest key
// counts, unless a shorter one leaves the name of something that is there.
func splitElement(rest string, t reflect.Type, exists func(string) bool) (element, key string) {
	var keys []string
	for _, l := range leaves(newDefault(t), "", "") {
		keys = append(keys, l.name)
		if isSecret(l.value.Type()) {
			keys = append(keys, l.name+fileSuffix)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, k := range keys {
		name, ok := strings.CutSuffix(rest, "_"+k)
		switch {
		case !ok || name == "":
		case exists(name):
			return name, k
		case element == "":
			element, key = name, k
		}
	}
	return element, key
}

// set gives a key the value of a variable.
func (vs *variables) set(l leaf, name string, fromFile bool, d *decoder) {
	at := Place{Env: name}
	fail := func(format string, args ...any) {
		d.problems = append(d.problems, Problem{at, l.path + ": " + fmt.Sprintf(format, args...)})
	}
	d.at.set(l.path, at)
	text := vs.all[name]
	if fromFile {
		data, err := readFile(text)
		if err != nil {
			fail("the file of the secret: %v", err)
			return
		}
		text = strings.TrimRight(string(data), "\r\n")
	}
	switch l.value.Kind() {
	case reflect.Slice, reflect.Map:
		vs.setMany(l, text, name, d)
	default:
		if err := setScalar(l.value, text, l.tag); err != nil {
			fail("%v", err)
		}
	}
}

// setMany sets a list or a map: what begins as YAML is YAML; else values with
// commas between them, or with line breaks where a value may have commas.
func (vs *variables) setMany(l leaf, text, name string, d *decoder) {
	scalars := l.value.Kind() == reflect.Slice && l.value.Type().Elem().Kind() == reflect.String
	if scalars && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		separator := ","
		if isSecret(l.value.Type()) {
			separator = "\n"
		}
		l.value.SetZero()
		for part := range strings.SplitSeq(text, separator) {
			if part = strings.TrimSpace(part); part != "" {
				l.value.Set(reflect.Append(l.value, reflect.ValueOf(part).Convert(l.value.Type().Elem())))
			}
		}
		return
	}
	sub := &decoder{at: d.at, env: name, lookup: d.lookup}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		sub.problems = append(sub.problems, sub.syntax(err, []byte(text)))
	} else if len(doc.Content) == 1 {
		sub.value(doc.Content[0], l.value, l.path, l.tag)
	} else {
		l.value.SetZero()
	}
	d.problems = append(d.problems, sub.problems...)
}
