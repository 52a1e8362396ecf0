package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// The files that ship with the program.
const (
	fullFile    = "../../../configs/camgate.yaml"
	minimalFile = "../../../configs/minimal.yaml"
	schemaFile  = "../../../configs/camgate.schema.json"
)

func reflectConfig(c *Config) reflect.Value { return reflect.ValueOf(c).Elem() }

func TestShippedFiles(t *testing.T) {
	for file, streams := range map[string]int{fullFile: 19, minimalFile: 1} {
		c, err := Load(file, nil)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if len(c.Streams) != streams || len(c.Users) == 0 {
			t.Errorf("%s: %d streams, %d users", file, len(c.Streams), len(c.Users))
		}
		for _, w := range c.Warnings {
			if !strings.Contains(w.Message, "password of the example") && !strings.Contains(w.Message, "clip.mp4") {
				t.Errorf("warning: %v", w)
			}
		}
	}
}

// TestFullFileHasEveryKey also holds it to what it says of itself: that what it
// sets are the defaults.
func TestFullFileHasEveryKey(t *testing.T) {
	data, err := os.ReadFile(fullFile)
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	collectKeys(doc.Content[0], "", keys)
	for path := range typePaths(reflect.TypeFor[Config](), "") {
		// "video" and the profiles have the same keys.
		other := strings.Replace(path, ".video.", ".profiles.*.", 1)
		if other == path {
			other = strings.Replace(path, ".profiles.*.", ".video.", 1)
		}
		if !keys[path] && !keys[other] && !ofLocalCameras(path) {
			t.Errorf("%s is not in %s", path, fullFile)
		}
	}
	c, err := Load(fullFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := Default()
	d.WebRTC.ICEServers = c.WebRTC.ICEServers
	for _, section := range []string{"Log", "HTTP", "RTSP", "WebRTC", "HLS", "MJPEG", "Limits"} {
		got, want := reflectConfig(c.Config).FieldByName(section), reflectConfig(d).FieldByName(section)
		gotJSON, _ := json.Marshal(got.Interface())
		wantJSON, _ := json.Marshal(want.Interface())
		if strings.ReplaceAll(string(gotJSON), "[]", "null") != string(wantJSON) {
			t.Errorf("%s sets %s, the default is %s", section, gotJSON, wantJSON)
		}
	}
}

// ofLocalCameras tells the keys that only a camera of this machine can have.
func ofLocalCameras(path string) bool {
	return slices.Contains([]string{"streams.*.controls", "streams.*.audio"}, path) || strings.HasSuffix(path, ".format")
}

// collectKeys notes the path of each key; names of streams and places in lists
// are a star.
func collectKeys(n *yaml.Node, path string, keys map[string]bool) {
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			collectKeys(item, path+"[*]", keys)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if path == "streams" || path == "streams.*.profiles" {
				key = "*"
			}
			keys[join(path, key)] = true
			collectKeys(n.Content[i+1], join(path, key), keys)
		}
	case yaml.ScalarNode, yaml.DocumentNode, yaml.AliasNode:
	}
}

// typePaths lists the paths of all keys of a section, with their fields.
func typePaths(t reflect.Type, path string) map[string]field {
	out := map[string]field{}
	for _, f := range fieldsOf(t) {
		p := join(path, f.key)
		out[p] = f
		inner, at := f.Type, p
		switch inner.Kind() {
		case reflect.Slice:
			inner, at = inner.Elem(), p+"[*]"
		case reflect.Map:
			if inner = inner.Elem(); inner.Kind() == reflect.Pointer {
				inner, at = inner.Elem(), p+".*"
			}
		default:
		}
		if inner.Kind() == reflect.Struct {
			for k, v := range typePaths(inner, at) {
				out[k] = v
			}
		}
	}
	return out
}

func TestSchema(t *testing.T) {
	s := schemaOf(reflect.TypeFor[Config](), comments(t))
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "camgate.yaml"
	s["patternProperties"] = map[string]any{"^x-": map[string]any{"description": "A place for anchors."}}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is stale: go test ./cmd/camgate/config -run TestSchema -update", schemaFile)
	}
}

var update = flag.Bool("update", false, "write the generated files")

// comments reads the description of each field from the source: "Type.Field".
func comments(t *testing.T) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					out[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
		}
		return true
	})
	return out
}

// schemaOf makes the schema of a section.
func schemaOf(t reflect.Type, doc map[string]string) map[string]any {
	properties := map[string]any{}
	for _, f := range fieldsOf(t) {
		p := schemaOfType(f.Type, f.Tag, doc)
		if text := doc[t.Name()+"."+f.Name]; text != "" {
			p["description"] = text
		}
		if text, ok := f.Tag.Lookup("default"); ok {
			p["default"] = defaultValue(f.Type, text)
		}
		properties[f.key] = p
	}
	s := map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	switch t {
	case reflect.TypeFor[Stream]():
		s["type"], s["required"] = "object", []string{"source"}
	case reflect.TypeFor[User]():
		s["type"], s["required"] = "object", []string{"name", "role"}
	case reflect.TypeFor[ICEServer]():
		s["type"], s["required"] = []string{"object", "string"}, []string{"url"}
	}
	return s
}

func defaultValue(t reflect.Type, text string) any {
	v := reflect.New(t).Elem()
	if t.Kind() == reflect.Int {
		_ = setScalar(v, text, "")
		return v.Interface()
	}
	return text
}

func schemaOfType(t reflect.Type, tag reflect.StructTag, doc map[string]string) map[string]any {
	const reference = `\$\{[A-Za-z_][A-Za-z0-9_]*(:[^}]*)?\}`
	switch t {
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^(0|([0-9.]+(ns|us|ms|s|m|h))+)$|` + reference}
	case reflect.TypeFor[Dimensions]():
		return map[string]any{"type": "string", "pattern": `^([0-9]+x[0-9]+)?$|` + reference}
	case reflect.TypeFor[Size]():
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^[0-9.]+ ?([kKmMgG]i?)?[bB]?$|` + reference}
	}
	switch t.Kind() {
	case reflect.Struct:
		return schemaOf(t, doc)
	case reflect.Map:
		if t.Elem().Kind() == reflect.String {
			return map[string]any{"type": []string{"object", "null"}, "additionalProperties": map[string]any{"type": []string{"string", "number", "boolean"}}}
		}
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": schemaOfType(t.Elem().Elem(), "", doc)}
	case reflect.Slice:
		item := schemaOfType(t.Elem(), "", doc)
		list := map[string]any{"type": []string{"array", "null"}, "items": item}
		if t.Elem().Kind() == reflect.Struct {
			return list
		}
		return map[string]any{"anyOf": []any{item, list}}
	case reflect.Bool:
		return map[string]any{"anyOf": []any{map[string]any{"type": "boolean"}, map[string]any{"type": "string", "pattern": reference}}}
	case reflect.Int:
		n := map[string]any{"type": "integer"}
		for key, name := range map[string]string{"min": "minimum", "max": "maximum"} {
			if text, ok := tag.Lookup(key); ok {
				n[name] = json.Number(text)
			}
		}
		return map[string]any{"anyOf": []any{n, map[string]any{"type": "string", "pattern": reference}}}
	default:
		s := map[string]any{"type": "string"}
		if isSecret(t) && t != reflect.TypeFor[SourceURL]() {
			s["type"] = []string{"string", "number", "boolean"} // 007 is a password
		}
		if enum := tag.Get("enum"); enum != "" {
			s = map[string]any{"anyOf": []any{
				map[string]any{"enum": strings.Split(enum, ",")}, map[string]any{"type": "string", "pattern": reference},
			}}
		}
		return s
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	doc := comments(t)
	var missing []string
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Config](), reflect.TypeFor[Log](), reflect.TypeFor[HTTP](), reflect.TypeFor[RTSP](), reflect.TypeFor[WebRTC](),
		reflect.TypeFor[ICEServer](), reflect.TypeFor[HLS](), reflect.TypeFor[MJPEG](), reflect.TypeFor[Limits](), reflect.TypeFor[User](),
		reflect.TypeFor[Stream](), reflect.TypeFor[TLS](), reflect.TypeFor[Video](), reflect.TypeFor[Adaptive](),
	} {
		for _, f := range fieldsOf(typ) {
			if doc[typ.Name()+"."+f.Name] == "" && (f.Type.Kind() != reflect.Struct || f.Type == reflect.TypeFor[TLS]()) {
				missing = append(missing, typ.Name()+"."+f.Name)
			}
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("no comment for %v", missing)
	}
}
