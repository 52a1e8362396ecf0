package main

import (
	"fmt"
	"io"

	"github.com/camgate/camgate/egress/mjpeg"
)

// writeDecoders writes what makes JPEGs, in the Prometheus text format.
func writeDecoders(w io.Writer, st mjpeg.Stats) {
	for _, m := range []struct {
		name, kind, help string
		value            uint64
	}{
		{"camgate_mjpeg_decoders", "gauge", "Streams that are decoded for MJPEG now.", uint64(st.Decoding)},
		{"camgate_mjpeg_decoder_starts_total", "counter", "Decoders that were started for MJPEG.", st.Decoders},
		{"camgate_mjpeg_decoder_failures_total", "counter", "Decoders that ended by themselves.", st.Failures},
		{"camgate_mjpeg_pictures_total", "counter", "Pictures that decoders made.", st.Pictures},
		{"camgate_mjpeg_snapshots_total", "counter", "Keyframes that were decoded for snapshots.", st.Snapshots},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}
