package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one key of a section, as the tags of its struct name it.
type field struct {
	reflect.StructField
	key string
}

// fieldsOf lists the keys of a section.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" {
			out = append(out, field{t.Field(i), key})
		}
	}
	return out
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range fieldsOf(t) {
		keys = append(keys, f.key)
	}
	return keys
}

// setDefaults gives the keys of a section, and of those in it, their defaults.
func setDefaults(section reflect.Value) {
	for _, f := range fieldsOf(section.Type()) {
		v := section.FieldByIndex(f.Index)
		switch text, ok := f.Tag.Lookup("default"); {
		case ok:
			if err := setScalar(v, text, f.Tag); err != nil {
				panic(fmt.Sprintf("config: default of %s: %v", f.key, err))
			}
		case v.Kind() == reflect.Struct:
			setDefaults(v)
		}
	}
}

// newDefault returns a section with its defaults.
func newDefault(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	setDefaults(v)
	return v
}

// isSecret tells whether values of the type are not to be shown.
func isSecret(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t == reflect.TypeFor[Secret]() || t == reflect.TypeFor[SourceURL]()
}

// setScalar sets v from its text. The error does not repeat the text.
func setScalar(v reflect.Value, text string, tag reflect.StructTag) error {
	switch v.Type() {
	case reflect.TypeFor[time.Duration]():
		d, err := parseDuration(text)
		v.SetInt(int64(d))
		return err
	case reflect.TypeFor[Size]():
		n, err := ParseSize(text)
		v.SetInt(int64(n))
		return err
	case reflect.TypeFor[Dimensions]():
		_, _, err := ParseDimensions(text)
		v.SetString(text)
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return checkEnum(text, tag)
	case reflect.Bool:
		return setBool(v, text)
	case reflect.Int:
		return setInt(v, text, tag)
	default:
		panic(fmt.Sprintf("config: no way to set a %s", v.Type()))
	}
}

func checkEnum(text string, tag reflect.StructTag) error {
	enum := tag.Get("enum")
	if enum == "" {
		return nil
	}
	known := strings.Split(enum, ",")
	if slices.Contains(known, text) {
		return nil
	}
	known = slices.DeleteFunc(known, func(word string) bool { return word == "" }) // which is to say nothing
	return fmt.Errorf("is none of %s", strings.Join(known, ", "))
}

func setBool(v reflect.Value, text string) error {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		v.SetBool(true)
	case "false", "no", "off":
		v.SetBool(false)
	default:
		return fmt.Errorf("is neither true nor false")
	}
	return nil
}

func setInt(v reflect.Value, text string, tag reflect.StructTag) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("is no whole number")
	}
	if low, err := strconv.Atoi(tag.Get("min")); err == nil && n < low {
		return fmt.Errorf("is less than %d", low)
	}
	if high, err := strconv.Atoi(tag.Get("max")); err == nil && n > high {
		return fmt.Errorf("is more than %d", high)
	}
	v.SetInt(int64(n))
	return nil
}
