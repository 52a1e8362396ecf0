package camera

import (
	"strings"
	"testing"
)

func TestControlValues(t *testing.T) {
	number := Control{Name: "brightness", Type: "integer", Min: -64, Max: 64, Default: 3}
	flag := Control{Name: "flip", Type: "boolean", Max: 1}
	menu := Control{Name: "power_line_frequency", Type: "menu", Max: 3, Choices: []Choice{{0, "Disabled"}, {1, "50 Hz"}, {3, "Auto"}}}
	button := Control{Name: "reset", Type: "button"}
	for _, tt := range []struct {
		control Control
		text    string
		want    int64
		bad     bool
	}{
		{number, "-64", -64, false}, {number, " 12 ", 12, false}, {number, "default", 3, false}, {number, "65", 0, true}, {number, "much", 0, true}, {number, "on", 0, true},
		{flag, "on", 1, false}, {flag, "No", 0, false}, {flag, "1", 1, false}, {flag, "2", 0, true},
		{menu, "50 hz", 1, false}, {menu, "3", 3, false}, {menu, "2", 0, true}, {menu, "60 Hz", 0, true},
		{button, "", 1, false},
	} {
		got, err := tt.control.parse(tt.text)
		if got != tt.want || (err != nil) != tt.bad || err != nil && !strings.Contains(err.Error(), tt.control.String()) {
			t.Errorf("%s = %q: %d, %v", tt.control.Name, tt.text, got, err)
		}
	}
	if s := menu.String(); s != "power_line_frequency (0 Disabled, 1 50 Hz, 3 Auto)" {
		t.Error(s)
	}
}
