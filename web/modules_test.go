package web

import (
	"path"
	"regexp"
	"slices"
	"testing"
)

// What the page loads early is what its script imports, by itself or through others: what
// is left out comes late, what is too much comes for nothing.
func TestModules(t *testing.T) {
	imports := regexp.MustCompile(`(?m)^(?:import|export)\b[^;]*'\./([\w.-]+)';`)
	listed := []string{"player.js"}
	for i := 0; i < len(listed); i++ {
		script, err := static.ReadFile(path.Join("static", listed[i]))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllSubmatch(script, -1) {
			if name := string(m[1]); !slices.Contains(listed, name) {
				listed = append(listed, name)
			}
		}
	}
	want := slices.Sorted(slices.Values(listed))
	if got := slices.Sorted(slices.Values(playerModules[:])); !slices.Equal(got, want) {
		t.Errorf("loaded early: %v\nimported: %v", got, want)
	}
}
