package camgate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWarnings(t *testing.T) {
	s := NewRendition("cam", StreamLimits{})
	if w := s.Info().Warnings; w != nil {
		t.Errorf("a new stream warns: %q", w)
	}
	changed := s.Changed()
	s.Warn("tls", "anybody can be in between")
	select {
	case <-changed:
	default:
		t.Error("a warning is no change")
	}
	s.Warn("clock", "it runs too fast")
	if diff := cmp.Diff([]string{"it runs too fast", "anybody can be in between"}, s.Info().Warnings); diff != "" {
		t.Error(diff)
	}
	s.SetStatus(Status{State: StateLive})
	s.Warn("clock", "")
	changed = s.Changed()
	s.Warn("tls", "anybody can be in between")
	s.Warn("clock", "")
	select {
	case <-changed:
		t.Error("nothing new is a change")
	default:
	}
	if diff := cmp.Diff([]string{"anybody can be in between"}, s.Info().Warnings); diff != "" {
		t.Error(diff)
	}
}
