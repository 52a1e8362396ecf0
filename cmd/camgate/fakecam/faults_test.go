package fakecam_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate/cmd/camgate/demo"
	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

func names() (names []string) {
	for line := range strings.Lines(fakecam.List()) {
		name, _, _ := strings.Cut(strings.Fields(line)[0], "[")
		names = append(names, name)
	}
	return names
}

// Each fault of the table is done by the code, tested, and in the documentation.
func TestTableIsComplete(t *testing.T) {
	var code, tests strings.Builder
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(file, "_test.go"):
			tests.Write(data)
		case file != "table.go":
			code.Write(data)
		}
	}
	doc, err := os.ReadFile("../../../docs/fakecam.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names() {
		// aac is what a camera does without it: it takes the place of other sound.
		if !strings.Contains(code.String(), `"`+name+`"`) && name != "aac" {
			t.Errorf("nothing does %s", name)
		}
		tested := false
		for _, before := range []string{`"`, ` `} {
			for _, after := range []string{`"`, `=`, ` `} {
				tested = tested || strings.Contains(tests.String(), before+name+after)
			}
		}
		if !tested {
			t.Errorf("nothing tests %s", name)
		}
	}
	for line := range strings.Lines(fakecam.List()) {
		usage, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if row := "| `" + usage + "` | " + strings.TrimSpace(text) + " |\n"; !strings.Contains(string(doc), row) {
			t.Errorf("docs/fakecam.md lacks %s", row)
		}
	}
}

func TestBadFaults(t *testing.T) {
	for fault, want := range map[string]string{
		"silense":                `did you mean "silence"?`,
		"":                       "there is none of this name",
		"xyzzy":                  "there is none of this name",
		"silence=5":              `"5" is no time such as 5s`,
		"silence=-5s":            "is no time",
		"silence=":               "is no time",
		"silence=5s,6s":          "too many arguments, want silence[=TIME]",
		"loss=200%":              "is no percentage",
		"loss=NaN":               "is no percentage",
		"reorder=-1":             "is no whole number",
		"drift=fast":             "is no drift",
		"ts-jump=1s,x":           "is no whole number",
		"udp-461=1":              "too many arguments, want udp-461",
		"digest-md5":             "there is no user",
		"old-tls":                "has no TLS",
		"audio-only video-only":  "does not go with audio-only",
		"gone=1s,2s,3s udp-461":  "too many arguments",
		"no-marker, all-markers": "none of this name",
	} {
		_, err := fakecam.New(fakecam.Options{Clip: demo.Clip(), Faults: strings.Split(fault, " ")})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", fault, err, want)
		}
	}
	cam := withFaults(t, "pcma")
	if err := cam.Set("opus"); err != nil { // takes the place of the other one
		t.Error(err)
	}
	for want, o := range map[string]fakecam.Options{
		"has to begin with /": {Path: "cam"},
		"no user":             {Password: "x"},
		"invalid port":        {Listen: "127.0.0.1:99999"},
		"in use":              {Listen: strings.TrimSuffix(strings.TrimPrefix(cam.URL(), "rtsp://"), "/cam")},
	} {
		o.Clip = demo.Clip()
		if _, err := fakecam.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func FuzzFaults(f *testing.F) {
	for _, name := range names() {
		f.Add(name)
		f.Add(name + "=1s,2")
	}
	cam, err := fakecam.New(fakecam.Options{Clip: demo.Clip()})
	if err != nil {
		f.Fatal(err)
	}
	cam.Leave()
	f.Fuzz(func(_ *testing.T, text string) { _ = cam.Set(text) })
}

// After Run nothing is left, whoever was connected and whatever was wrong.
func TestNothingIsLeft(t *testing.T) {
	run := func(t *testing.T) {
		for _, o := range []fakecam.Options{{}, {TLS: true}} {
			o.Faults = []string{"frozen-tcp=200ms"}
			cam := start(t, o)
			for _, transport := range []string{"tcp", "udp", "tcp"} {
				c := connect(t, cam)
				c.play(transport)
			}
			connect(t, cam) // who says nothing
			waitFor(t, func() bool { return cam.Status().Packets > 50 })
			if err := cam.Set("dead-tls", "slow-describe=1h"); err != nil {
				t.Fatal(err)
			}
			if !o.TLS {
				connect(t, cam).send("DESCRIBE", cam.URL())
			}
			cam.Leave()
		}
		cam := withFaults(t, "gone=0s,1h")
		c := connect(t, cam)
		c.play("tcp")
		c.ends()
	}
	t.Run("", run)
	deadline := time.Now().Add(patience)
	for {
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "fakecam.(") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left:\n%s", stacks)
		}
		runtime.Gosched()
	}
}

// A hundred times away and back, with clients that come again each time.
func TestOftenAway(t *testing.T) {
	cam := withFaults(t)
	for range 100 {
		c := connect(t, cam)
		c.play("tcp")
		cam.Leave()
		if err := cam.Return(); err != nil {
			t.Fatal(err)
		}
	}
	if s := cam.Status(); s.TotalSessions != 100 {
		t.Errorf("%d sessions", s.TotalSessions)
	}
}
