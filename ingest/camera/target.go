package camera

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// Target says which camera is meant. One of the fields is set.
type Target struct {
	Path   string // /dev/video0, /dev/v4l/by-id/...
	Name   string // what the device calls itself; * and ? as in file names, upper or lower case
	Serial string // of the USB device, as written by its maker; * and ? too
}

// ParseTarget reads what follows v4l2:// in a URL: "/dev/video0", "/dev/v4l/by-id/...",
// "name=Logitech*", "serial=1A2B".
func ParseTarget(text string) (Target, error) {
	if strings.HasPrefix(text, "/") {
		return Target{Path: path.Clean(text)}, nil
	}
	key, value, ok := strings.Cut(text, "=")
	if plain, err := url.PathUnescape(value); err == nil {
		value = plain
	}
	if _, err := path.Match(value, ""); err != nil {
		return Target{}, fmt.Errorf("%q is no pattern: * stands for any characters, ? for one", value)
	}
	switch {
	case ok && value != "" && key == "name":
		return Target{Name: value}, nil
	case ok && value != "" && key == "serial":
		return Target{Serial: value}, nil
	}
	return Target{}, errors.New("a local camera is v4l2:///dev/video0, v4l2://name=NAME* or v4l2://serial=SERIAL; \"camgate devices\" lists them")
}

// host is where devices are looked for.
type host struct{ dev, sys, proc string }

func thisHost() host { return host{"/dev", "/sys/class/video4linux", "/proc"} }

// node is a video device before it is opened.
type node struct {
	path         string // /dev/video0
	name, serial string
	parent       string // the device that it belongs to, in /sys
}

// nodes lists the video devices in the order of their numbers.
func (h host) nodes() []node {
	entries, _ := os.ReadDir(h.sys) // without the folder there are none
	var out []node
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "video") {
			continue
		}
		dir := filepath.Join(h.sys, e.Name())
		n := node{path: filepath.Join(h.dev, e.Name()), name: line(dir, "name")}
		if parent, err := filepath.EvalSymlinks(filepath.Join(dir, "device")); err == nil {
			n.parent = parent
			n.serial = line(filepath.Dir(parent), "serial") // of the USB device whose interface it is
		}
		out = append(out, n)
	}
	sort.Slice(out, func(i, j int) bool { return number(out[i].path) < number(out[j].path) })
	return out
}

func number(path string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(filepath.Base(path), "abcdefghijklmnopqrstuvwxyz"))
	return n
}

// line reads a file of one line; what cannot be read is empty.
func line(dir, name string) string {
	b, _ := os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(b))
}

// links lists the other names that a device has, which stay when it is plugged in
// somewhere else (by-id), or by where it is plugged in (by-path).
func (h host) links(device string) (out []string) {
	for _, folder := range []string{"by-id", "by-path"} {
		names, _ := filepath.Glob(filepath.Join(h.dev, "v4l", folder, "*"))
		for _, name := range names {
			if to, err := filepath.EvalSymlinks(name); err == nil && to == device {
				out = append(out, name)
			}
		}
	}
	return out
}

func (t Target) matches(n node) bool {
	pattern, text := t.Name, n.name
	if t.Serial != "" {
		pattern, text = t.Serial, n.serial
	}
	// A slash is a character like any other here.
	plain := strings.NewReplacer("/", "\x01")
	ok, err := path.Match(strings.ToLower(plain.Replace(pattern)), strings.ToLower(plain.Replace(text)))
	return err == nil && ok
}

// find returns the path of the device that is meant, and those of others that would
// do as well. A camera often has several nodes, of which one gives pictures.
func (h host) find(t Target) (found string, also []string, err error) {
	if t.Path != "" {
		if _, err := os.Stat(t.Path); err != nil {
			return "", nil, h.absent(fmt.Sprintf("there is no %s", t.Path))
		}
		return t.Path, nil, nil
	}
	var first node
	for _, n := range h.nodes() {
		switch {
		case !t.matches(n) || !isCamera(n.path):
		case found == "":
			first, found = n, n.path
		case n.parent != first.parent || n.parent == "":
			also = append(also, n.path)
		}
	}
	switch {
	case found != "":
		return found, also, nil
	case t.Name != "":
		return "", nil, h.absent(fmt.Sprintf("there is no camera with the name %q", t.Name))
	}
	return "", nil, h.absent(fmt.Sprintf("there is no camera with the serial number %q", t.Serial))
}

// absent says that a camera is not there, and which are.
func (h host) absent(what string) error {
	var there []string
	for _, n := range h.nodes() {
		if isCamera(n.path) && !slices.Contains(there, n.name) {
			there = append(there, fmt.Sprintf("%s (%s)", n.path, n.name))
		}
	}
	if len(there) == 0 {
		return fmt.Errorf("%w: %s, and no other camera in this machine", camgate.ErrConnectionFailed, what)
	}
	return fmt.Errorf("%w: %s; there is %s", camgate.ErrConnectionFailed, what, strings.Join(there, ", "))
}

// isCamera tells whether a device gives pictures of its own. One that cannot be opened
// may.
func isCamera(path string) bool {
	dev, err := v4l2.Open(path)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	defer dev.Close()
	_, ok := dev.Capability().Camera()
	return ok
}
