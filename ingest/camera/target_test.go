package camera

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/camgate/camgate"
)

// Devices are not played here: what is tested is what is made of what they say. Real
// drivers, in a virtual machine: make test-camera.

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"/dev/video0":              {Path: "/dev/video0"},
		"/dev/v4l/by-id/usb-A_B-0": {Path: "/dev/v4l/by-id/usb-A_B-0"},
		"name=HD Pro Webcam*":      {Name: "HD Pro Webcam*"},
		"name=HD%20Pro":            {Name: "HD Pro"},
		"serial=1A2B":              {Serial: "1A2B"},
	} {
		if got, err := ParseTarget(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "video0", "name=", "bus=1", "name=[", "serial"} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	h := host{filepath.Join(root, "dev"), filepath.Join(root, "sys"), filepath.Join(root, "proc")}
	file := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, path string) {
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := h.find(Target{Name: "*"}); !errors.Is(err, camgate.ErrConnectionFailed) || !strings.Contains(err.Error(), "no other camera") {
		t.Error(err)
	}
	// Plain files in place of devices: they cannot be asked, so they may be cameras.
	for _, n := range []struct{ node, name, usb, serial string }{
		{"video0", "HD Pro Webcam C920", "1-1", "ABC123"},
		{"video1", "HD Pro Webcam C920", "1-1", "ABC123"},
		{"video10", "HD Pro Webcam C920", "1-2", "XYZ789"},
		{"video2", "Capture a/b", "1-3", ""},
		{"vbi0", "no", "1-3", ""},
	} {
		file("usb/"+n.usb+"/serial", n.serial+"\n")
		file("usb/"+n.usb+"/"+n.usb+":1.0/uevent", "")
		file("sys/"+n.node+"/name", n.name+"\n")
		link(filepath.Join(root, "usb", n.usb, n.usb+":1.0"), "sys/"+n.node+"/device")
		file("dev/"+n.node, "")
	}
	link(filepath.Join(h.dev, "video2"), "dev/v4l/by-path/pci-1")
	var names []string
	for _, n := range h.nodes() {
		names = append(names, filepath.Base(n.path)+" "+n.serial)
	}
	if !slices.Equal(names, []string{"video0 ABC123", "video1 ABC123", "video2 ", "video10 XYZ789"}) {
		t.Errorf("%q", names)
	}
	if got := h.links(filepath.Join(h.dev, "video2")); len(got) != 1 || filepath.Base(got[0]) != "pci-1" {
		t.Error(got)
	}
	for _, tt := range []struct {
		target Target
		match  []string
	}{
		{Target{Name: "hd pro*"}, []string{"video0", "video1", "video10"}},
		{Target{Name: "Capture a?b"}, []string{"video2"}},
		{Target{Name: "Capture*"}, []string{"video2"}},
		{Target{Serial: "xyz*"}, []string{"video10"}},
		{Target{Serial: "nobody"}, nil},
	} {
		var got []string
		for _, n := range h.nodes() {
			if tt.target.matches(n) {
				got = append(got, filepath.Base(n.path))
			}
		}
		if !slices.Equal(got, tt.match) {
			t.Errorf("%+v: %q, want %q", tt.target, got, tt.match)
		}
	}
	if _, _, err := h.find(Target{Path: filepath.Join(h.dev, "video7")}); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Error(err)
	}
}
