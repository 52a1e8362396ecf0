package rpicam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// control is a setting of the camera: its option of rpicam-vid, and how its value is
// written there.
type control struct {
	flag  string
	value func(text string) (string, error)
}

// controls are the settings there are, by the names that the config has for them.
var controls = map[string]control{
	"hflip":           {"hflip", onOff},
	"vflip":           {"vflip", onOff},
	"rotation":        {"rotation", oneOf("0", "180")},
	"hdr":             {"hdr", oneOf("off", "auto", "sensor", "single-exp")},
	"roi":             {"roi", numbers(4, 0, 1)},
	"exposure":        {"exposure", oneOf("normal", "sport", "short", "long", "custom")},
	"shutter":         {"shutter", microseconds},
	"gain":            {"gain", number(0, 64)},
	"ev":              {"ev", number(-10, 10)},
	"metering":        {"metering", oneOf("centre", "spot", "average", "custom")},
	"awb":             {"awb", oneOf("auto", "incandescent", "tungsten", "fluorescent", "indoor", "daylight", "cloudy", "custom")},
	"awbgains":        {"awbgains", numbers(2, 0, 32)},
	"brightness":      {"brightness", number(-1, 1)},
	"contrast":        {"contrast", number(0, 32)},
	"saturation":      {"saturation", number(0, 32)},
	"sharpness":       {"sharpness", number(0, 16)},
	"denoise":         {"denoise", oneOf("auto", "off", "cdn_off", "cdn_fast", "cdn_hq")},
	"autofocus_mode":  {"autofocus-mode", oneOf("default", "manual", "auto", "continuous")},
	"autofocus_range": {"autofocus-range", oneOf("normal", "macro", "full")},
	"lens_position":   {"lens-position", number(0, 32)},
	"flicker_period":  {"flicker-period", microseconds},
	"profile":         {"profile", oneOf("baseline", "main", "high")},
	"level":           {"level", oneOf("4", "4.1", "4.2")},
	"mode":            {"mode", word},
	"tuning_file":     {"tuning-file", word},
}

// ControlError says which control is wrong, and why.
type ControlError struct {
	Name string
	Err  error
}

func (e *ControlError) Error() string { return e.Name + ": " + e.Err.Error() }
func (e *ControlError) Unwrap() error { return e.Err }

// Check tells what is wrong with controls, in the order of their names.
func Check(of map[string]string) (wrong []*ControlError) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if _, err := option(name, of[name]); err != nil {
			wrong = append(wrong, &ControlError{name, err})
		}
	}
	return wrong
}

// option returns a control as arguments; none where it is switched off.
func option(name, value string) ([]string, error) {
	c, ok := controls[strings.ReplaceAll(name, "-", "_")]
	if !ok {
		return nil, fmt.Errorf("a Raspberry Pi camera has none of this name, but %s", strings.Join(slices.Sorted(maps.Keys(controls)), ", "))
	}
	text, err := c.value(strings.TrimSpace(value))
	switch {
	case err != nil:
		return nil, err
	case c.flag == "hflip" || c.flag == "vflip":
		if text == "" {
			return nil, nil
		}
		return []string{"--" + c.flag}, nil
	}
	return []string{"--" + c.flag, text}, nil
}

func onOff(text string) (string, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return "1", nil
	case "false", "no", "off", "0":
		return "", nil
	}
	return "", errors.New("is true or false")
}

func oneOf(values ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		text = strings.ToLower(text)
		if slices.Contains(values, text) {
			return text, nil
		}
		if text == "false" && slices.Contains(values, "off") { // as YAML reads it
			return "off", nil
		}
		return "", fmt.Errorf("is one of %s", strings.Join(values, ", "))
	}
}

func number(low, high float64) func(string) (string, error) {
	return func(text string) (string, error) {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f >= low && f <= high) {
			return "", fmt.Errorf("is a number from %g to %g", low, high)
		}
		return strconv.FormatFloat(f, 'f', -1, 64), nil
	}
}

func numbers(n int, low, high float64) func(string) (string, error) {
	one := number(low, high)
	return func(text string) (string, error) {
		parts := strings.Split(text, ",")
		for i, p := range parts {
			var err error
			if parts[i], err = one(strings.TrimSpace(p)); err != nil || len(parts) != n {
				return "", fmt.Errorf("is %d numbers from %g to %g with commas between them", n, low, high)
			}
		}
		return strings.Join(parts, ","), nil
	}
}

// microseconds takes 10ms, or a number of them.
func microseconds(text string) (string, error) {
	d, err := time.ParseDuration(text)
	if n, e := strconv.ParseInt(text, 10, 32); e == nil {
		d, err = time.Duration(n)*time.Microsecond, nil
	}
	if err != nil || d < 0 || d > 10*time.Minute {
		return "", errors.New("is a time as 10ms, or a number of microseconds")
	}
	return strconv.FormatInt(d.Microseconds(), 10), nil
}

// word is a value that only the program understands; one that begins with a dash would
// be an option of its own.
func word(text string) (string, error) {
	if text == "" || text[0] == '-' || strings.ContainsAny(text, "\x00\n") {
		return "", errors.New("is empty, or begins with a dash")
	}
	return text, nil
}
