package fakecam_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate/cmd/camgate/fakecam"
)

// withFaults starts a camera whose chances are the same each time.
func withFaults(t *testing.T, faults ...string) *fakecam.Cam {
	t.Helper()
	return start(t, fakecam.Options{Faults: faults, Seed: 1})
}

// sequence are the steps between sequence numbers.
func steps(ps []*rtp.Packet) (out []int16) {
	for i := range ps[1:] {
		out = append(out, int16(ps[i+1].SequenceNumber-ps[i].SequenceNumber))
	}
	return out
}

// plain tells whether packets are as those of a good camera: in order, with one SSRC.
func plain(ps []*rtp.Packet) bool {
	for i, s := range steps(ps) {
		if s != 1 || ps[i].SSRC != ps[i+1].SSRC {
			return false
		}
	}
	return true
}

func TestWithoutFaultsNothingIsOdd(t *testing.T) {
	t.Parallel()
	cam := withFaults(t)
	c := connect(t, cam)
	if a := c.must("OPTIONS", c.url); !strings.Contains(a.get("public"), "GET_PARAMETER") {
		t.Errorf("OPTIONS: %v", a.header)
	}
	a := c.play("tcp")
	ps := c.packets(0, 200)
	if !plain(ps) {
		t.Errorf("steps %v", steps(ps))
	}
	want := "seq=" + itoa(ps[0].SequenceNumber) + ";rtptime=" + itoa(ps[0].Timestamp)
	if got, _, _ := strings.Cut(a.get("rtp-info"), ","); !strings.HasSuffix(got, want) {
		t.Errorf("RTP-Info %s, want %s", got, want)
	}
	for i, p := range ps[1:] {
		if ps[i].Marker != (p.Timestamp != ps[i].Timestamp) {
			t.Fatalf("packet %d: marker %v, then timestamp %d after %d", i, ps[i].Marker, p.Timestamp, ps[i].Timestamp)
		}
	}
	if types := nalTypes(ps[:3]); types[0] != 7 || types[1] != 8 || types[2] != 28 {
		t.Errorf("begins with NAL units %v", types)
	}
	if a := c.do("GET_PARAMETER", c.url); a.status != 200 || cam.Status().KeepAlives != 1 {
		t.Errorf("GET_PARAMETER: %d, keep-alives %d", a.status, cam.Status().KeepAlives)
	}
	c.must("TEARDOWN", c.url)
	if a := c.do("PLAY", c.url); a.status != 454 {
		t.Errorf("PLAY after TEARDOWN: %d", a.status)
	}
}

func nalTypes(ps []*rtp.Packet) (types []int) {
	for _, p := range ps {
		types = append(types, int(p.Payload[0]&31))
	}
	return types
}

func itoa[T uint16 | uint32](n T) string {
	var b []byte
	for ; n > 0 || b == nil; n /= 10 {
		b = append(b, '0'+byte(n%10))
	}
	slices.Reverse(b)
	return string(b)
}

// What the numbers in RTP headers do.
func TestNumbers(t *testing.T) {
	tests := []struct {
		fault string
		n     int // packets of pictures to look at
		ok    func(ps []*rtp.Packet) bool
	}{
		{"ssrc-change=200ms", 150, func(ps []*rtp.Packet) bool {
			return ps[0].SSRC != ps[len(ps)-1].SSRC && count(steps(ps), 1) == len(ps)-1
		}},
		{"seq-jump=200ms,+500", 150, func(ps []*rtp.Packet) bool { return count(steps(ps), 501) == 1 && count(steps(ps), 1) == len(ps)-2 }},
		{"seq-jump=0s,-500", 60, func(ps []*rtp.Packet) bool { return plain(ps) }}, // before the first one
		{"seq-wrap", 150, func(ps []*rtp.Packet) bool { return plain(ps) && ps[0].SequenceNumber > ps[149].SequenceNumber }},
		{"ts-jump=200ms,+90000000", 150, func(ps []*rtp.Packet) bool { return plain(ps) && count(stamps(ps), 90003600) == 1 }},
		{"ts-back=200ms", 150, func(ps []*rtp.Packet) bool { return plain(ps) && count(stamps(ps), 3600-90000) == 1 }},
		{"ts-wrap", 300, func(ps []*rtp.Packet) bool {
			return plain(ps) && math.MaxUint32-ps[0].Timestamp < 180001 && ps[299].Timestamp < ps[0].Timestamp
		}},
		{"drift=+100000ppm", 150, func(ps []*rtp.Packet) bool { return count(stamps(ps), 3960) > 5 && count(stamps(ps), 3600) == 0 }},
		{"loss=20%", 200, func(ps []*rtp.Packet) bool { lost := 200 - count(steps(ps), 1); return lost > 15 && lost < 60 }},
		{"duplicate", 100, func(ps []*rtp.Packet) bool { return count(steps(ps), 0) == 50 }},
		{"duplicate=20%", 200, func(ps []*rtp.Packet) bool { n := count(steps(ps), 0); return n > 15 && n < 60 }},
		{"reorder=4", 100, func(ps []*rtp.Packet) bool { n := count(steps(ps), -4); return n >= 8 && n <= 10 }},
		{"no-marker", 100, func(ps []*rtp.Packet) bool { return markers(ps) == 0 }},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			c := connect(t, withFaults(t, tt.fault))
			c.play("tcp")
			if ps := c.packets(0, tt.n); !tt.ok(ps) {
				t.Errorf("steps %v\ntimestamps %v\nmarkers %d", steps(ps), stamps(ps), markers(ps))
			}
		})
	}
}

func count[T comparable](all []T, one T) (n int) {
	for _, x := range all {
		if x == one {
			n++
		}
	}
	return n
}

// stamps are the steps between timestamps.
func stamps(ps []*rtp.Packet) (out []int) {
	for i := range ps[1:] {
		if d := int(int32(ps[i+1].Timestamp - ps[i].Timestamp)); d != 0 {
			out = append(out, d)
		}
	}
	return out
}

func markers(ps []*rtp.Packet) (n int) {
	for _, p := range ps {
		if p.Marker {
			n++
		}
	}
	return n
}

func TestNoise(t *testing.T) {
	t.Parallel()
	c := connect(t, withFaults(t, "unknown-channel", "video-only"))
	c.play("tcp")
	for {
		f, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if f.channel > 1 {
			break
		}
	}
	c = connect(t, withFaults(t, "garbage=200ms", "video-only"))
	c.play("tcp")
	err := c.ends()
	if err == nil || !strings.Contains(err.Error(), "no packet but") {
		t.Errorf("garbage: %v", err)
	}
	c = connect(t, withFaults(t, "interleaved-early"))
	c.play("tcp")
	if len(c.early) < 3 {
		t.Errorf("%d packets before the answer to PLAY", len(c.early))
	}
}

func TestJitter(t *testing.T) {
	t.Parallel()
	c := connect(t, withFaults(t, "jitter=200ms", "video-only"))
	c.play("tcp")
	var gaps []time.Duration
	var last frame
	for i := 0; len(gaps) < 20; i++ {
		f, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if f.channel == 0 && last.data != nil && !slices.Equal(f.data[4:8], last.data[4:8]) {
			gaps = append(gaps, f.at.Sub(last.at))
		}
		if f.channel == 0 {
			last = f
		}
	}
	if least, most := slices.Min(gaps), slices.Max(gaps); least > 30*time.Millisecond || most < 60*time.Millisecond {
		t.Errorf("pictures come %v to %v apart", least, most)
	}
}
