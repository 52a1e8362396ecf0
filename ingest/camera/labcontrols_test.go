//go:build v4l2lab

package camera

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

func TestLabControls(t *testing.T) {
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 320, Height: 180, FPS: 15, Controls: map[string]string{"brightness": "77", "nonsense": "1"}})
	g.await(t, "live", 15*time.Second, live)
	value := func(name string) int64 {
		all, err := g.source.Controls()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.Name == name {
				return c.Value
			}
		}
		t.Fatalf("no %s", name)
		return 0
	}
	if n := value("brightness"); n != 77 {
		t.Errorf("brightness is %d", n)
	}
	if w := strings.Join(g.stream.Info().Warnings, "\n"); !strings.Contains(w, `no control "nonsense"`) || !strings.Contains(w, "brightness (0..255)") || strings.Contains(w, "bad request") {
		t.Errorf("warnings: %.400s", w)
	}
	if err := g.source.SetControls(map[string]string{"contrast": "99", "horizontal_flip": "on"}); err != nil || value("contrast") != 99 || value("horizontal_flip") != 1 {
		t.Error(err, value("contrast"), value("horizontal_flip"))
	}
	if err := g.source.SetControls(map[string]string{"contrast": "9999"}); !errors.Is(err, camgate.ErrBadRequest) || !strings.Contains(err.Error(), "contrast (0..255)") {
		t.Error(err)
	}
	if err := g.source.SetControls(map[string]string{"horizontal_flip": "default", "contrast": "default", "brightness": "default"}); err != nil {
		t.Error(err)
	}
}

// A device that does not have what is wanted gives what is nearest, and the stream says so.
func TestLabNearest(t *testing.T) {
	g := serve(t, Options{Target: vivid, Format: "YUYV", Width: 330, Height: 190, FPS: 1000})
	g.await(t, "live", 15*time.Second, live)
	w := strings.Join(g.stream.Info().Warnings, "\n")
	t.Log(w)
	if !strings.Contains(w, "330x190") || !strings.Contains(w, "1000") {
		t.Errorf("warnings: %q", w)
	}
}
