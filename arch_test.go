package camgate

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// The house at a glance: what each folder may import besides the standard library.
// "ingest/*" stands for all folders below ingest; the first line that fits counts.
// A word is a library (see libraries) or a folder of the house; "all" is every one.
// What only tests import is free.
var house = []struct{ folder, may string }{
	// The domain, and what adapters share.
	{".", "rtp"},
	{"ingest", ". mediacommon x"},
	{"egress", ". mediacommon x"},
	{"egress/burst", "x"},
	{"egress/child", "x"},
	{"egress/matroska", "."},
	// The adapters: none knows another one, and each library has one home.
	{"ingest/trust", "."}, // decides whom to trust, for all sources
	{"ingest/httpauth", ""},
	{"ingest/unpack", ". rtp"}, // takes RTP apart, for all sources that get it
	{"ingest/encode", shared + " internal/v4l2 mediacommon"},
	{"ingest/rendition", shared + " ingest/encode egress/sound"},
	{"ingest/pipe", ". ingest ingest/ts egress/child mediacommon x"}, // reads pipes, for all sources that are programs
	{"ingest/file", shared + " ingest/ts mediacommon"},
	{"ingest/camera", shared + " internal/v4l2 mediacommon"},
	{"ingest/sound", shared + " ingest/ts"},
	{"ingest/*", shared + " mediacommon"},
	{"egress/sound", shared + " mediacommon opus aac"},
	{"egress/*", shared + " mediacommon"},
	{"rtsp", shared + " gortsplib mediacommon rtp rtcp"},
	{"webrtc", shared + " pion"},
	{"hls", shared + " gohlslib mediacommon"},
	{"web", ". gin metrics websocket"},
	// The wiring, and what was needed to make and test all this.
	// It shares nothing with what it is there to test.
	{"cmd/camgate/fakecam", "mediacommon rtp rtcp"},
	{"cmd/*", "all yaml x"},
	{"internal/v4l2", "x"}, // part of the product, unlike its neighbours
	{"internal/*", ". x"},
	{"scripts/*", ". internal/frameno x"},
}

const shared = ". ingest ingest/trust ingest/httpauth ingest/unpack ingest/pipe egress egress/burst egress/child egress/matroska x"

var libraries = map[string]string{
	"rtp":         "github.com/pion/rtp",
	"rtcp":        "github.com/pion/rtcp",
	"pion":        "github.com/pion",
	"mediacommon": "github.com/bluenviron/mediacommon/v2",
	"gortsplib":   "github.com/bluenviron/gortsplib/v5",
	"gohlslib":    "github.com/bluenviron/gohlslib/v2",
	"gin":         "github.com/gin-gonic/gin",
	"websocket":   "github.com/gorilla/websocket",
	"metrics":     "github.com/VictoriaMetrics/metrics",
	"yaml":        "go.yaml.in/yaml/v3",
	"opus":        "github.com/thesyncim/gopus",
	"aac":         "github.com/tphakala/go-aac",
	"x":           "golang.org/x",
}

// mayExit are the folders whose programs may end the process.
var mayExit = []string{"cmd", "scripts"}

// constructors are the functions whose results a package-level variable may hold:
// they make what nobody changes afterwards.
var constructors = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "template.Must",
	"netip.MustParseAddr", "netip.MustParsePrefix", "crc32.MakeTable", "ingest.HuffmanSegment",
}

const modulePath = "github.com/camgate/camgate"

// TestMap: ARCHITECTURE.md has each folder of the product, by its path or within the line of
// the one above it.
func TestMap(t *testing.T) {
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(os.DirFS("."), ".", func(folder string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case strings.HasPrefix(d.Name(), ".") && folder != ".", d.Name() == "testdata", d.Name() == "node_modules", folder == "scripts", folder == "bin":
			return fs.SkipDir
		}
		code, err := fs.Glob(os.DirFS(folder), "*.go")
		if len(code) > 0 && folder != "." && !strings.Contains(string(page), "`"+folder+"/`") && !strings.Contains(string(page), "`"+d.Name()+"/`") {
			t.Errorf("%s is not in the map", folder)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHouse(t *testing.T) {
	for _, complaint := range inspect(t, os.DirFS(".")) {
		t.Error(complaint)
	}
}

// The check is worth something only if it fails when it should.
func TestHouseComplains(t *testing.T) {
	tests := []struct {
		name, file, source string
		want               string // in the only complaint; empty: there is none
	}{
		{"root with a library", "a.go", `import "github.com/gin-gonic/gin"`, "may not import github.com/gin-gonic/gin"},
		{"root with rtp", "a.go", `import "github.com/pion/rtp"`, ""},
		{"root with what begins like rtp", "a.go", `import "github.com/pion/rtpx"`, "may not import github.com/pion/rtpx"},
		{"root with an adapter", "a.go", `import "github.com/camgate/camgate/rtsp"`, "may not import rtsp"},
		{"the standard library", "a.go", "import (\n\"net/http\"\n\"golang/x\"\n)", ""},
		{"adapter with another one", "rtsp/a.go", `import "github.com/camgate/camgate/hls"`, "rtsp may not import hls"},
		{"source with an output", "ingest/file/a.go", `import "github.com/camgate/camgate/egress/mjpeg"`, "ingest/file may not import egress/mjpeg"},
		{"adapter with what is shared", "rtsp/a.go", `import "github.com/camgate/camgate/egress/burst"`, ""},
		{"ingest with an adapter below it", "ingest/a.go", `import "github.com/camgate/camgate/ingest/file"`, "ingest may not import ingest/file"},
		{"library away from home", "hls/a.go", `import "github.com/bluenviron/gortsplib/v5/pkg/base"`, "hls may not import"},
		{"library at home", "rtsp/a.go", `import "github.com/bluenviron/gortsplib/v5/pkg/base"`, ""},
		{"pion in rtsp", "rtsp/a.go", `import _ "github.com/pion/webrtc/v4"`, "rtsp may not import"},
		{"web with an adapter", "web/a.go", `import w "github.com/camgate/camgate/webrtc"`, "web may not import webrtc"},
		{"yaml outside of cmd", "web/a.go", `import "go.yaml.in/yaml/v3"`, "web may not import"},
		{"cmd with all", "cmd/camgate/a.go", "import (\n\"github.com/camgate/camgate/web\"\n\"go.yaml.in/yaml/v3\"\n)", ""},
		{"cmd with a library that lives elsewhere", "cmd/camgate/a.go", `import "github.com/gin-gonic/gin"`, "may not import"},
		{"what tests need, in the product", "web/a.go", `import "github.com/camgate/camgate/internal/frameno"`, "web may not import internal/frameno"},
		{"what tests need, in a test", "web/a_test.go", `import "github.com/camgate/camgate/internal/frameno"`, ""},
		{"for another system", "hls/a_windows.go", `import "github.com/gin-gonic/gin"`, "hls may not import"},
		{"a room that nobody knows", "util/a.go", ``, "util is not in the plan of the house"},
		{"not ours", "node_modules/x/a.go", `import "github.com/gin-gonic/gin"`, ""},

		{"exit in an adapter", "rtsp/a.go", "import \"os\"\nfunc f() { os.Exit(1) }", "os.Exit"},
		{"exit by log", "rtsp/a.go", "import \"log\"\nfunc f() { go func() { log.Fatalf(\"x\") }() }", "log.Fatalf"},
		{"exit in cmd", "cmd/camgate/a.go", "import \"os\"\nfunc f() { os.Exit(1) }", ""},
		{"exit in a test", "rtsp/a_test.go", "import \"os\"\nfunc f() { os.Exit(1) }", ""},
		{"init", "hls/a.go", "func init() {}", "func init"},
		{"a method init", "hls/a.go", "type T int\nfunc (T) init() {}", ""},

		{"variable without a value", "hls/a.go", "var n int", "n is state"},
		{"mutex", "hls/a.go", "import \"sync\"\nvar mu sync.Mutex", "mu is state"},
		{"pool", "hls/a.go", "import \"sync\"\nvar pool = sync.Pool{}", "pool is state"},
		{"atomic", "hls/a.go", "import \"sync/atomic\"\nvar n = atomic.Int64{}", "n is state"},
		{"map to be filled", "hls/a.go", "var m = make(map[string]int)", "m is state"},
		{"pointer", "hls/a.go", "type T struct{ N int }\nvar p = &T{}", "p is state"},
		{"result of a call", "hls/a.go", "import \"time\"\nvar started = time.Now()", "started is state"},
		{"counter", "hls/a.go", "var n = 0\nfunc f() { n++ }", "n is changed"},
		{"assigned", "hls/a.go", "var n = 0\nfunc f() { n = 1 }", "n is changed"},
		{"table that is written to", "hls/a.go", "var m = map[string]int{}\nfunc f() { m[\"a\"] = 1 }", "m is changed"},
		{"field that is written to", "hls/a.go", "type T struct{ N int }\nvar v = T{}\nfunc f() { v.N += 1 }", "v is changed"},
		{"address that is taken", "hls/a.go", "var n = 0\nfunc f() *int { return &n }", "n is changed"},
		{"deleted from", "hls/a.go", "var m = map[string]int{\"a\": 1}\nfunc f() { delete(m, \"a\") }", "m is changed"},
		{"hook of a test", "hls/a.go", "import \"time\"\nvar now = time.Now", ""},
		{"a local one of the same name", "hls/a.go", "var n = 0\nfunc f() { n := n; n++ }", ""},
		{"a parameter of the same name", "hls/a.go", "var n = 0\nfunc f(n int) { n++ }", ""},
		{"sentinel", "hls/a.go", "import \"errors\"\nvar ErrX, ErrY = errors.New(\"x\"), errors.New(\"y\")", ""},
		{"regular expression", "hls/a.go", "import \"regexp\"\nvar re = regexp.MustCompile(`x`)", ""},
		{"lookup table", "hls/a.go", "var table = map[string][]int{\"a\": {1}}\nvar list = [...]string{\"a\"}", ""},
		{"bytes", "hls/a.go", "var magic = []byte(\"x\")", ""},
		{"interface kept", "hls/a.go", "type T int\nvar _ error = (*T)(nil)", ""},
		{"embedded files", "hls/a.go", "import \"embed\"\n//go:embed x\nvar files embed.FS", ""},
		{"embedded files of a group", "hls/a.go", "import \"embed\"\nvar (\n//go:embed x\nfiles embed.FS\n)", ""},
		{"set by the linker", "cmd/camgate/a.go", "var version = \"dev\"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := inspect(t, fstest.MapFS{tt.file: {Data: []byte("package p\n" + tt.source + "\n")}})
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("complaints about what is allowed: %q", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("complaints %q, want one with %q", got, tt.want)
			}
		})
	}
	// A variable that a test of the same package changes is state too.
	got := inspect(t, fstest.MapFS{
		"hls/a.go":      {Data: []byte("package hls\nimport \"time\"\nvar now = time.Now")},
		"hls/a_test.go": {Data: []byte("package hls\nfunc f() { now = nil }")},
	})
	if len(got) != 1 || !strings.Contains(got[0], "now is changed") {
		t.Errorf("complaints %q, want one about now", got)
	}
}
