package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/camgate/camgate/cmd/camgate/config"
)

// pages reads what people read, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	out := map[string]string{}
	for _, file := range append(files, "../../README.md", "../../CHANGELOG.md", "../../ARCHITECTURE.md") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Clean(file)] = string(b)
	}
	return out
}

var (
	fenced   = regexp.MustCompile("(?s)```(?:yaml|sh|)\n(.*?)```")
	indented = regexp.MustCompile(`(?m)(?:^    \S.*\n(?:^     .*\n)*)+`)
	streams  = regexp.MustCompile(`^[\w-]+:\s*(\{.*source|\n +source):`)
	ours     = regexp.MustCompile(`^(streams|users|webrtc|limits|http|rtsp|x-\w+):`)
	link     = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]*)?\)`)
	gauge    = regexp.MustCompile(`"(camgate_[a-z_]+)[{"]`)
	heading  = regexp.MustCompile("(?m)^#+ (.*)$")
	unlinked = regexp.MustCompile("[^a-z0-9 _-]")
)

// snippets are the code in a page.
func snippets(page string) (out []string) {
	for _, m := range fenced.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	for _, m := range indented.FindAllString(fenced.ReplaceAllString(page, ""), -1) {
		out = append(out, strings.ReplaceAll(strings.TrimPrefix(m, "    "), "\n    ", "\n"))
	}
	return out
}

// TestDocsHaveConfigsThatWork: what stands in the docs can be pasted.
func TestDocsHaveConfigsThatWork(t *testing.T) {
	tried := 0
	for file, page := range pages(t) {
		for _, text := range snippets(page) {
			switch text = strings.ReplaceAll(text, "AA:BB:...", strings.Repeat("ab", 32)); {
			case streams.MatchString(text):
				text = "streams:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
			case !ours.MatchString(text):
				continue
			}
			tried++
			if _, err := config.Parse([]byte(text), "snippet", []string{"TURN_SECRET=x"}); err != nil {
				t.Errorf("%s: %v\n%s", file, err, text)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d were found", tried)
	}
}

// TestDocsHaveCommandsThatExist: each command line of camgate has a command and flags that
// there are.
func TestDocsHaveCommandsThatExist(t *testing.T) {
	tried := 0
	for file, page := range pages(t) {
		for _, text := range snippets(page) {
			for line := range strings.Lines(text) {
				line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), " #")
				words := strings.Fields(line)
				if len(words) < 2 || words[0] != "camgate" && words[0] != "./camgate" || strings.HasPrefix(words[1], "[") || words[1][0] == 'v' {
					continue
				}
				tried++
				cmd, rest, err := choose(words[1:])
				if err != nil {
					t.Errorf("%s: %s: %v", file, line, err)
					continue
				}
				flags := cmd.flags()
				cmd.setup(flags)
				known := []string{}
				flags.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
				for _, word := range rest {
					name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
					if strings.HasPrefix(word, "-") && !slices.Contains(known, name) {
						t.Errorf("%s: %s: there is no %s", file, line, word)
					}
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d were found", tried)
	}
}

// TestDocsHaveLinksThatLead: to a file that there is, and a heading in it.
func TestDocsHaveLinksThatLead(t *testing.T) {
	all := pages(t)
	for file, page := range all {
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to := file
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(file), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if m[2] != "" && !slices.Contains(anchors(all[to]), m[2]) {
				t.Errorf("%s: %s has no %s", file, to, m[2])
			}
		}
	}
}

// TestDocsHaveAllMetrics: by their names, or by how they end.
func TestDocsHaveAllMetrics(t *testing.T) {
	var docs strings.Builder
	for _, page := range pages(t) {
		docs.WriteString(page)
	}
	found := map[string]bool{}
	for _, folder := range []string{".", "../../web"} {
		files, err := filepath.Glob(folder + "/metrics.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range gauge.FindAllStringSubmatch(string(b), -1) {
				found[m[1]] = true
			}
		}
	}
	for name := range found {
		known := strings.Contains(docs.String(), name)
		for end := name; !known && strings.Contains(end[1:], "_"); {
			end = end[1+strings.Index(end[1:], "_"):]
			known = strings.Contains(docs.String(), "`"+end+"`") || strings.Contains(docs.String(), "`..."+end+"`")
		}
		if !known {
			t.Errorf("%s is not in the docs", name)
		}
	}
	if len(found) < 30 {
		t.Errorf("only %d were found", len(found))
	}
}

// anchors are those of a page's headings, as GitHub makes them.
func anchors(page string) (out []string) {
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		out = append(out, "#"+strings.ReplaceAll(unlinked.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}
