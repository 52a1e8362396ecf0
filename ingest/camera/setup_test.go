package camera

import (
	"strings"
	"testing"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// What a device says of half pictures is told to whoever encodes them, or to people.
func TestInterlaced(t *testing.T) {
	const alternate v4l2.Field = 7
	for _, tt := range []struct {
		name  string
		field v4l2.Field
		codec camgate.Codec
		want  string
		told  string
	}{
		{"whole", v4l2.FieldNone, camgate.Raw, "", ""},
		{"it does not say", v4l2.FieldAny, camgate.MJPEG, "", ""},
		{"top first", v4l2.FieldInterlacedTB, camgate.Raw, "tff", ""},
		{"bottom first", v4l2.FieldInterlacedBT, camgate.Raw, "bff", ""},
		{"compressed", v4l2.FieldInterlacedTB, camgate.MJPEG, "tff", "go through as they are"},
		{"one by one", alternate, camgate.Raw, "", "shown as they come"},
	} {
		c := &capture{format: v4l2.Format{Field: tt.field}, codec: tt.codec, notes: map[string]string{}}
		c.interlaced()
		if told := c.notes["fields"]; c.fields != tt.want || !strings.Contains(told, tt.told) || (told == "") != (tt.told == "") {
			t.Errorf("%s: %q, %q", tt.name, c.fields, told)
		}
	}
}
