package main

import (
	"fmt"
	"io"

	"github.com/camgate/camgate/egress/mjpeg"
	"github.com/camgate/camgate/webrtc"
)

// metric is one line of the Prometheus text format with what explains it.
type metric struct {
	name, kind, help string
	value            uint64
}

func writeMetrics(w io.Writer, ms []metric) {
	for _, m := range ms {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}

// decoders tells of what makes JPEGs.
func decoders(st mjpeg.Stats) []metric {
	return []metric{
		{"camgate_mjpeg_decoders", "gauge", "Streams that are decoded for MJPEG now.", uint64(st.Decoding)},
		{"camgate_mjpeg_decoder_starts_total", "counter", "Decoders that were started for MJPEG.", st.Decoders},
		{"camgate_mjpeg_decoder_failures_total", "counter", "Decoders that ended by themselves.", st.Failures},
		{"camgate_mjpeg_pictures_total", "counter", "Pictures that decoders made.", st.Pictures},
		{"camgate_mjpeg_snapshots_total", "counter", "Keyframes that were decoded for snapshots.", st.Snapshots},
	}
}

// sessions tells of WebRTC viewers.
func sessions(st webrtc.Stats) []metric {
	return []metric{
		{"camgate_webrtc_sessions", "gauge", "WebRTC sessions, connected or about to be.", uint64(st.Sessions)},
		{"camgate_webrtc_joined_total", "counter", "WebRTC viewers that connected.", st.Joined},
		{"camgate_webrtc_resent_packets_total", "counter", "Packets sent again to viewers that missed them.", st.Resent},
		{"camgate_webrtc_publishers", "gauge", "Sessions of those who publish by WebRTC.", uint64(st.Publishers)},
		{"camgate_webrtc_received_packets_total", "counter", "Packets of media from those who publish.", st.Received},
		{"camgate_webrtc_missed_packets_total", "counter", "Packets of those who publish that never came.", st.Missed},
		{"camgate_webrtc_nacked_packets_total", "counter", "Packets that those who publish were asked to send again.", st.Asked},
		{"camgate_webrtc_keyframe_requests_total", "counter", "Keyframes that those who publish were asked for.", st.Keyframes},
	}
}
