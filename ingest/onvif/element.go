package onvif

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// The bounds of a message. Those of real cameras, with all their profiles, stay far
// below them.
const (
	maxMessage  = 1 << 20 // bytes
	maxDepth    = 64      // elements within each other
	maxElements = 20_000
)

var errNoXML = errors.New("not well-formed XML")

// element is one of an XML document. Names are local ones: cameras choose prefixes as
// they like, leave them undeclared, or name the wrong space.
type element struct {
	name     string
	attrs    []xml.Attr
	text     string
	children []*element

	raw []byte // text that is being read
}

// parse reads a document. It is lenient where that does no harm: unknown encodings and
// entities, end tags that are missing or too many.
func parse(data []byte) (*element, error) {
	if len(data) > maxMessage {
		return nil, errors.New("more XML than a camera has to tell")
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(data, []byte("?"))))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	document := &element{}
	open := []*element{document}
	for count := 0; ; {
		// Not Token, which wants prefixes to be declared.
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errNoXML
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > maxElements || len(open) > maxDepth {
				return nil, errors.New("XML with more elements than a camera has to tell")
			}
			e := &element{name: t.Name.Local, attrs: t.Attr}
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = closed(open, t.Name.Local)
		case xml.CharData:
			top.raw = append(top.raw, t...)
		}
	}
	if len(open) > 1 || len(document.children) != 1 {
		return nil, errNoXML
	}
	return document.children[0], nil
}

// closed ends the innermost element of that name and those within it.
func closed(open []*element, name string) []*element {
	for i := len(open) - 1; i > 0; i-- {
		if open[i].name == name {
			for _, e := range open[i:] {
				e.text, e.raw = strings.TrimSpace(string(e.raw)), nil
			}
			return open[:i]
		}
	}
	return open
}

// at returns the first element down a path of names; nil: there is none. It may be
// called on nil, as may all others.
func (e *element) at(path ...string) *element {
	for _, name := range path {
		if e = e.child(name); e == nil {
			return nil
		}
	}
	return e
}

func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// all returns the children of that name.
func (e *element) all(name string) (list []*element) {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// below returns the first element of that name at any depth.
func (e *element) below(name string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			return c
		}
		if found := c.below(name); found != nil {
			return found
		}
	}
	return nil
}

// value is the text of an element.
func (e *element) value() string {
	if e == nil {
		return ""
	}
	return e.text
}

// attr is the value of an attribute.
func (e *element) attr(name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
