package web

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/gin-gonic/gin"

	"github.com/camgate/camgate"
)

// httpMetrics are the server's own counters, in a set of their own.
type httpMetrics struct {
	set          *metrics.Set
	authFailures *metrics.Counter
	classes      [6]*metrics.Counter // of requests by the first digit of their status
}

func newHTTPMetrics() *httpMetrics {
	m := &httpMetrics{set: metrics.NewSet()}
	m.authFailures = m.set.NewCounter("camgate_http_auth_failures_total")
	for i := range m.classes {
		m.classes[i] = m.set.NewCounter(fmt.Sprintf(`camgate_http_requests_total{code="%dxx"}`, i))
	}
	return m
}

func (m *httpMetrics) request(status int) {
	if class := status / 100; class >= 0 && class < len(m.classes) {
		m.classes[class].Inc()
	}
}

// serveMetrics answers in the Prometheus text format.
func (s *Server) serveMetrics(c *gin.Context) {
	if !s.permit(c, camgate.ActionAdmin, "") {
		return
	}
	// Into memory first: a slow scraper shall not hold anything up.
	var b bytes.Buffer
	s.WriteMetrics(&b)
	if s.opts.Metrics != nil {
		s.opts.Metrics(&b)
	}
	metrics.WriteProcessMetrics(&b)
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", b.Bytes())
}

// WriteMetrics writes the metrics of all streams and of the HTTP server in the
// Prometheus text format.
func (s *Server) WriteMetrics(w io.Writer) {
	infos := make([]camgate.Info, 0, 16)
	for _, stream := range s.opts.Registry.List() {
		infos = append(infos, stream.Info())
	}
	for _, f := range families() {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		for i := range infos {
			f.write(w, &infos[i])
		}
	}
	describe(w, "camgate_info", "gauge", "Version of the gateway.")
	metrics.WriteGaugeUint64(w, fmt.Sprintf("camgate_info{version=%q}", s.opts.Version), 1)
	describe(w, "camgate_uptime_seconds", "gauge", "Time since the start.")
	metrics.WriteGaugeFloat64(w, "camgate_uptime_seconds", time.Since(s.started).Seconds())
	describe(w, "camgate_http_requests_active", "gauge", "HTTP requests being answered.")
	metrics.WriteGaugeUint64(w, "camgate_http_requests_active", uint64(max(0, s.active.Load())))
	s.metrics.set.WritePrometheus(w)
}

func describe(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// family is one metric of all streams.
type family struct {
	name, kind, help string
	write            func(w io.Writer, info *camgate.Info)
}

// states are all that a source can be in.
func states() []camgate.State {
	return []camgate.State{
		camgate.StateIdle, camgate.StateConnecting, camgate.StateWaitingKeyframe, camgate.StateLive,
		camgate.StateStalled, camgate.StateRetrying, camgate.StateFailed,
	}
}

func families() []family {
	return []family{
		{"camgate_stream_state", "gauge", "1 for the state that the stream's source is in.", func(w io.Writer, in *camgate.Info) {
			for _, state := range states() {
				value := uint64(0)
				if state == in.Status.State {
					value = 1
				}
				metrics.WriteGaugeUint64(w, fmt.Sprintf("camgate_stream_state{stream=%q,state=%q}", in.Name, state), value)
			}
		}},
		counter("camgate_stream_bytes_in_total", "Bytes of media from the source.", func(in *camgate.Info) uint64 { return in.BytesIn }),
		counter("camgate_stream_bytes_out_total", "Bytes sent to readers.", func(in *camgate.Info) uint64 { return in.BytesOut }),
		counter("camgate_stream_units_in_total", "Access units from the source.", func(in *camgate.Info) uint64 { return in.UnitsIn }),
		gauge("camgate_stream_cached_bytes", "Bytes kept for readers that join or lag.", func(in *camgate.Info) uint64 { return uint64(max(0, in.Cached)) }),
		gauge("camgate_stream_retries", "Attempts to reach the source since it was live last.", func(in *camgate.Info) uint64 { return uint64(max(0, in.Status.Retries)) }),
		counter("camgate_stream_attempts_total", "Attempts to reach the source.", func(in *camgate.Info) uint64 { return in.Status.Attempts }),
		counter("camgate_stream_reconnects_total", "How often the source came back.", func(in *camgate.Info) uint64 { return in.Status.Reconnects }),
		{"camgate_stream_live_seconds", "gauge", "How long the source has been live; 0: it is not.", func(w io.Writer, in *camgate.Info) {
			live := 0.0
			if at := in.Status.LiveSince; !at.IsZero() {
				live = time.Since(at).Seconds()
			}
			metrics.WriteGaugeFloat64(w, fmt.Sprintf("camgate_stream_live_seconds{stream=%q}", in.Name), live)
		}},
		{"camgate_stream_clock_drift_ppm", "gauge", "By how much the source's clock runs faster than ours, in parts in a million.", func(w io.Writer, in *camgate.Info) {
			if in.Drift != nil {
				metrics.WriteGaugeFloat64(w, fmt.Sprintf("camgate_stream_clock_drift_ppm{stream=%q}", in.Name), *in.Drift)
			}
		}},
		gauge("camgate_stream_demand", "Readers, and those who wait for the stream.", func(in *camgate.Info) uint64 { return uint64(max(0, in.Demand)) }),
		{"camgate_stream_readers", "gauge", "Viewers by protocol.", writeReaders},
		{"camgate_stream_variant_readers", "gauge", "Viewers, and outputs, of what is made of a stream for those who cannot take it as it is.", func(w io.Writer, in *camgate.Info) {
			writeVariants(w, "camgate_stream_variant_readers", in, func(v *camgate.VariantInfo) float64 { return float64(v.Readers) })
		}},
		{"camgate_stream_variant_sound_seconds", "gauge", "CPU time for the sound of a variant since it began.", func(w io.Writer, in *camgate.Info) {
			writeVariants(w, "camgate_stream_variant_sound_seconds", in, func(v *camgate.VariantInfo) float64 { return v.Busy.Seconds() })
		}},
		{"camgate_stream_talking", "gauge", "1 while somebody talks to the camera.", func(w io.Writer, in *camgate.Info) {
			writeTalk(w, "camgate_stream_talking", in, func(t *camgate.TalkInfo) float64 {
				if t.Remote != "" {
					return 1
				}
				return 0
			})
		}},
		{"camgate_stream_talk_seconds_total", "counter", "How long somebody has talked to the camera.", func(w io.Writer, in *camgate.Info) {
			writeTalk(w, "camgate_stream_talk_seconds_total", in, func(t *camgate.TalkInfo) float64 { return t.Spoken.Seconds() })
		}},
		{"camgate_stream_talks_refused_total", "counter", "How often somebody wanted to talk to the camera while another one did.", func(w io.Writer, in *camgate.Info) {
			writeTalk(w, "camgate_stream_talks_refused_total", in, func(t *camgate.TalkInfo) float64 { return float64(t.Refused) })
		}},
		{"camgate_stream_skipped_units_total", "counter", "Access units that readers did not get, by reason.", func(w io.Writer, in *camgate.Info) {
			for _, reason := range camgate.SkipReasons() {
				metrics.WriteCounterUint64(w, fmt.Sprintf("camgate_stream_skipped_units_total{stream=%q,reason=%q}", in.Name, reason.String()), in.Skipped[reason.String()])
			}
		}},
	}
}

func counter(name, help string, value func(*camgate.Info) uint64) family {
	return family{name, "counter", help, func(w io.Writer, in *camgate.Info) {
		metrics.WriteCounterUint64(w, fmt.Sprintf("%s{stream=%q}", name, in.Name), value(in))
	}}
}

func gauge(name, help string, value func(*camgate.Info) uint64) family {
	return family{name, "gauge", help, func(w io.Writer, in *camgate.Info) {
		metrics.WriteGaugeUint64(w, fmt.Sprintf("%s{stream=%q}", name, in.Name), value(in))
	}}
}

func writeVariants(w io.Writer, name string, in *camgate.Info, value func(*camgate.VariantInfo) float64) {
	for i := range in.Variants {
		v := &in.Variants[i]
		metrics.WriteGaugeFloat64(w, fmt.Sprintf("%s{stream=%q,variant=%q,encoder=%q}", name, in.Name, v.String(), v.Info.Encoder), value(v))
	}
}

func writeTalk(w io.Writer, name string, in *camgate.Info, value func(*camgate.TalkInfo) float64) {
	if in.Talk != nil {
		metrics.WriteGaugeFloat64(w, fmt.Sprintf("%s{stream=%q}", name, in.Name), value(in.Talk))
	}
}

func writeReaders(w io.Writer, in *camgate.Info) {
	protocols := map[string]uint64{}
	for _, r := range in.Readers {
		if !r.Internal {
			protocols[r.Protocol]++
		}
	}
	for _, protocol := range slices.Sorted(maps.Keys(protocols)) {
		metrics.WriteGaugeUint64(w, fmt.Sprintf("camgate_stream_readers{stream=%q,protocol=%q}", in.Name, protocol), protocols[protocol])
	}
}
