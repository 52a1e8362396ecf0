package camera

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// Control is something that can be set at a camera.
type Control struct {
	Name     string   `json:"name"` // brightness, exposure_auto ...
	Label    string   `json:"label"`
	Type     string   `json:"type"` // integer, boolean, menu, button
	Min      int64    `json:"min"`
	Max      int64    `json:"max"`
	Step     uint64   `json:"step,omitempty"`
	Default  int64    `json:"default"`
	Value    int64    `json:"value"`
	Choices  []Choice `json:"choices,omitempty"`
	Inactive bool     `json:"inactive,omitempty"` // another one has to be set first
	ReadOnly bool     `json:"read_only,omitempty"`
}

// Choice is a value of a menu.
type Choice struct {
	Value int64  `json:"value"`
	Name  string `json:"name"`
}

func controlOf(c *v4l2.Control) Control {
	out := Control{
		Name: c.Key(), Label: c.Name, Min: c.Min, Max: c.Max, Step: c.Step, Default: c.Default, Value: c.Value,
		Inactive: c.Inactive, ReadOnly: c.ReadOnly, Type: "integer",
	}
	switch c.Type {
	case v4l2.TypeBoolean:
		out.Type = "boolean"
	case v4l2.TypeMenu, v4l2.TypeIntegerMenu:
		out.Type = "menu"
	case v4l2.TypeButton:
		out.Type = "button"
	case v4l2.TypeInteger, v4l2.TypeInteger64, v4l2.TypeBitmask:
	}
	for _, m := range c.Menu {
		out.Choices = append(out.Choices, Choice(m))
	}
	return out
}

// String says in short what values there are: "brightness (-64..64)".
func (c Control) String() string {
	switch {
	case c.Type == "boolean":
		return c.Name + " (false, true)"
	case c.Type == "button":
		return c.Name + " (a button)"
	case len(c.Choices) > 0:
		var names []string
		for _, m := range c.Choices {
			names = append(names, fmt.Sprintf("%d %s", m.Value, m.Name))
		}
		return fmt.Sprintf("%s (%s)", c.Name, strings.Join(names, ", "))
	}
	return fmt.Sprintf("%s (%d..%d)", c.Name, c.Min, c.Max)
}

// parse reads a value as people write it: a number, true and false, an entry of a menu,
// or "default".
func (c Control) parse(text string) (int64, error) {
	word := strings.ToLower(strings.TrimSpace(text))
	if word == "default" {
		return c.Default, nil
	}
	for _, m := range c.Choices {
		if strings.ToLower(m.Name) == word {
			return m.Value, nil
		}
	}
	switch {
	case c.Type != "boolean":
	case word == "true", word == "on", word == "yes":
		return 1, nil
	case word == "false", word == "off", word == "no":
		return 0, nil
	}
	n, err := strconv.ParseInt(word, 0, 64)
	switch {
	case c.Type == "button":
		return 1, nil
	case err != nil || n < c.Min || n > c.Max:
		return 0, fmt.Errorf("%q is no value of %s", text, c)
	case len(c.Choices) > 0 && !slices.ContainsFunc(c.Choices, func(m Choice) bool { return m.Value == n }):
		return 0, fmt.Errorf("%q is no value of %s", text, c)
	}
	return n, nil
}

// SetControls sets controls by name, now and whenever the camera comes back. It fails
// with ErrBadRequest for a name or a value that the camera does not have, in which case
// nothing is set. A camera that does not stream has them set as soon as it does; what
// is wrong with them is a warning then.
func (s *Source) SetControls(values map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dev == nil {
		maps.Copy(s.wanted, values)
		return nil
	}
	// The device cannot be closed meanwhile: attach waits for mu.
	all, err := controlsOf(s.dev)
	if err != nil {
		return err
	}
	set, err := resolve(all, values)
	if err == nil {
		maps.Copy(s.wanted, values)
		err = apply(s.dev, set)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", camgate.ErrBadRequest, err)
	}
	return nil
}

func controlsOf(dev *v4l2.Device) ([]v4l2.Control, error) {
	all, err := dev.Controls()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
	}
	return all, nil
}

// Controls lists the controls of a camera that streams; ErrNotReady: it does not.
func (s *Source) Controls() ([]Control, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dev == nil {
		return nil, fmt.Errorf("%w: the camera does not stream now", camgate.ErrNotReady)
	}
	all, err := controlsOf(s.dev)
	if err != nil {
		return nil, err
	}
	out := make([]Control, 0, len(all))
	for i := range all {
		out = append(out, controlOf(&all[i]))
	}
	return out, nil
}

// setControls sets what is wanted before the first picture. What cannot be set is no
// reason to show nothing.
func (c *capture) setControls() {
	c.source.mu.Lock()
	values := maps.Clone(c.source.wanted)
	c.source.mu.Unlock()
	if len(values) == 0 {
		return
	}
	all, err := controlsOf(c.dev)
	if err != nil {
		c.note("controls", err.Error())
		return
	}
	var set []setting
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		one, err := resolve(all, map[string]string{name: values[name]})
		set, errs = append(set, one...), append(errs, err)
	}
	if err := errors.Join(append(errs, apply(c.dev, set))...); err != nil {
		c.note("controls", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// setting is a control with the value that it is to have.
type setting struct {
	control v4l2.Control
	value   int64
}

// resolve finds the controls that are meant.
func resolve(all []v4l2.Control, values map[string]string) (out []setting, err error) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(all, func(c v4l2.Control) bool { return c.Key() == strings.ToLower(name) })
		if i < 0 || all[i].ReadOnly {
			return nil, unknown(name, all)
		}
		n, err := controlOf(&all[i]).parse(values[name])
		if err != nil {
			return nil, err
		}
		out = append(out, setting{all[i], n})
	}
	return out, nil
}

func unknown(name string, all []v4l2.Control) error {
	var known []string
	for i := range all {
		if !all[i].ReadOnly {
			known = append(known, controlOf(&all[i]).String())
		}
	}
	if len(known) == 0 {
		return fmt.Errorf("no control %q: the camera has none", name)
	}
	return fmt.Errorf("no control %q: the camera has %s", name, strings.Join(known, ", "))
}

// apply sets controls. One may be locked by another (exposure time, while the exposure
// is automatic): those that fail are tried again after the others.
func apply(dev *v4l2.Device, set []setting) error {
	var failed []setting
	for _, s := range set {
		if dev.SetControl(&s.control, s.value) != nil {
			failed = append(failed, s)
		}
	}
	var errs []error
	for _, s := range failed {
		if err := dev.SetControl(&s.control, s.value); err != nil {
			errs = append(errs, fmt.Errorf("the camera does not take %d for %s: %w", s.value, controlOf(&s.control), err))
		}
	}
	return errors.Join(errs...)
}
