package encode

import (
	"slices"

	"github.com/camgate/camgate"
)

// Names lists the encoders that there may be, whether they work here or not: those that
// make the codec; empty: all of them.
func Names(codec camgate.Codec) (names []string) {
	for _, k := range kinds() {
		if codec == "" || k.codec == codec {
			names = append(names, k.name)
		}
	}
	return slices.Compact(names)
}
