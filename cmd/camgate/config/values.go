package config

import (
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// Secret is a value that is never shown: however it is printed or logged, a row
// of stars comes out. string(s) is the value.
type Secret string

// String hides the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the value in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value in whatever is encoded.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Size is a number of bytes.
type Size int64

// sizeUnits are the units of a Size: k, M, G are powers of 1,000, Ki, Mi, Gi of 1,024.
var sizeUnits = [...]struct {
	name   string
	factor float64
}{
	{"", 1}, {"b", 1},
	{"k", 1e3}, {"kb", 1e3}, {"ki", 1 << 10}, {"kib", 1 << 10},
	{"m", 1e6}, {"mb", 1e6}, {"mi", 1 << 20}, {"mib", 1 << 20},
	{"g", 1e9}, {"gb", 1e9}, {"gi", 1 << 30}, {"gib", 1 << 30},
}

var (
	errSize     = errors.New("is no size: write bytes, or a unit as in 500k, 50M, 2MiB")
	errDuration = errors.New("is no duration: write a number with its unit, as in 200ms, 10s, 1m30s, 1h")
	errNegative = errors.New("is less than nothing")
)

// ParseSize reads "512", "500k", "50M" (millions), "2MiB" (powers of 1,024).
func ParseSize(text string) (Size, error) {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := strings.ToLower(text[len(number):])
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, errSize
	}
	if n < 0 {
		return 0, errNegative
	}
	for _, u := range sizeUnits {
		if u.name == unit {
			if n *= u.factor; n > 1<<50 {
				return 0, errSize
			}
			return Size(n), nil
		}
	}
	return 0, errSize
}

// parseDuration reads what time.ParseDuration does; the unit is needed.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, errDuration
	case d < 0:
		return 0, errNegative
	}
	return d, nil
}

// Dimensions are those of a picture as text, WIDTHxHEIGHT; empty: not given.
type Dimensions string

const (
	minSide = 16
	maxSide = 8192
)

var errDimensions = errors.New("is no size of a picture: write columns and lines, as in 1280x720: even numbers from 16 to 8192")

// ParseDimensions reads "1280x720".
func ParseDimensions(text string) (width, height int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	w, h, _ := strings.Cut(strings.ToLower(text), "x")
	sides := [2]int{}
	for i, side := range []string{w, h} {
		n, err := strconv.Atoi(side)
		if err != nil || n < minSide || n > maxSide || n%2 != 0 {
			return 0, 0, errDimensions
		}
		sides[i] = n
	}
	return sides[0], sides[1], nil
}

// Sides returns width and height in pixels, 0 when they are not given.
func (d Dimensions) Sides() (width, height int) {
	width, height, _ = ParseDimensions(string(d))
	return width, height
}
