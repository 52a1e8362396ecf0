package onvif

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{ // text of /a/b
		`<a><b>x</b></a>`: "x",
		`<?xml version="1.0" encoding="GB2312"?><q:a xmlns:q="q"><r:b>x &amp; y</r:b></q:a>`: "x & y",
		"<a><b>\n x<!-- -->y \n</b></a>":                  "xy",
		"<a><b>x\xffy</b></a>":                            "x?y",
		`<a><c><b>y</b></c><b>x</b></a>`:                  "x",
		`<a><b>x<br></b></a>`:                             "x",
		`<a></z><b>x</b></a>`:                             "x",
		`<a><b>&copy;x</b></a>`:                           "&copy;x",
		`<!DOCTYPE a [<!ENTITY e "x">]><a><b>&e;</b></a>`: "&e;",
	} {
		root, err := parse([]byte(text))
		if err != nil || root.name != "a" || root.child("b").value() != want {
			t.Errorf("%s: %+v, %v, want %q", text, root, err, want)
		}
	}
	for _, text := range []string{
		"", "x", "<a>", "<a/><b/>", "<a><b></a", "<a", strings.Repeat("<a>", maxDepth+1), "<a>" + strings.Repeat("<b/>", maxElements) + "</a>",
		strings.Repeat(" ", maxMessage+1),
	} {
		if root, err := parse([]byte(text)); err == nil {
			t.Errorf("%.20q: %+v", text, root)
		}
	}
}

// FuzzParse: whatever a camera sends, nothing breaks, and what is made of it is bounded.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Body><Fault><Code><Value>a:b</Value></Code></Fault></s:Body></s:Envelope>`))
	f.Add([]byte(`<Envelope><Body><R><Profiles token="a"><Name>x</Name><Configurations><VideoEncoder><Encoding>H264</Encoding></VideoEncoder></Configurations></Profiles></R></Body></Envelope>`))
	f.Add([]byte(`<a b="c" d=e><![CDATA[x]]><!-- --></a>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := parse(data)
		if err != nil {
			return
		}
		if root == nil || depth(root) > maxDepth {
			t.Fatalf("%+v", root)
		}
		body := root.child("Body")
		if fault := faultOf("x", body); fault != nil && (len(fault.reason) > 1000 || len(fault.codes) > maxDepth+1) {
			t.Fatalf("%+v", fault)
		}
		_, _ = dateOf(body.below("UTCDateTime"))
		if list := profilesOf(body.below("R"), true); len(list) > 0 {
			if _, err := choose(list, ""); err != nil {
				t.Fatal(err)
			}
			_ = namesOf(list)
		}
	})
}

func depth(e *element) int {
	n := 0
	for _, c := range e.children {
		n = max(n, depth(c))
	}
	return n + 1
}
