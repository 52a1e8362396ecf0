package e2e

import (
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/rtsp"
)

// faultTable is what is expected of a camera with each fault that there is. "heal"
// takes the fault away from the second connection on: what is measured then is how
// long it took to find out and to come back.
func faultTable() []faultRow {
	var rows []faultRow
	for _, part := range [][]faultRow{mediaFaults(), endings(), tlsFaults(), signalling(), passwords(), numbers(), programmes()} {
		rows = append(rows, part...)
	}
	return rows
}

func tcp() []rtsp.Transport  { return []rtsp.Transport{rtsp.TransportTCP} }
func auto() []rtsp.Transport { return []rtsp.Transport{rtsp.TransportAuto} }

func mediaFaults() []faultRow {
	return []faultRow{
		{faults: []string{"udp-461"}, by: auto()},
		{faults: []string{"udp-silent"}, by: auto()},
		{faults: []string{"udp-silent", "one-client"}, by: auto()},
		{faults: []string{"udp-loss"}, by: auto(), want: expectation{watch: 4 * time.Second, gap: soon, lossy: true}},
		{faults: []string{"loss"}, want: expectation{start: 3 * soon, watch: 4 * time.Second, gap: soon, lossy: true}},
		{faults: []string{"reorder"}},
		{faults: []string{"duplicate"}},
		{faults: []string{"jitter"}},
		{faults: []string{"interleaved-early"}},
		{faults: []string{"unknown-channel"}, by: tcp(), want: expectation{watch: 3 * time.Second}},
		{faults: []string{"garbage"}, by: tcp(), want: expectation{watch: 4 * time.Second}},
		{faults: []string{"garbage", "heal"}, by: tcp(), want: expectation{watch: 5 * time.Second, gap: soon}},
	}
}

// endings are cameras that stop.
func endings() []faultRow {
	return []faultRow{
		{faults: []string{"silence=1s", "heal"}, want: expectation{watch: 6 * time.Second, gap: soon}},
		{faults: []string{"silence=2s"}, want: expectation{gap: 4 * time.Second}, meanwhile: func(t testing.TB, p *pulled) {
			within(4*time.Second, func() bool { return false })
			p.cam.Clear()
			if took := p.after(time.Now(), soon); took == 0 {
				t.Error("no picture from a camera that goes on")
			}
		}},
		{faults: []string{"no-rr-stop"}, want: expectation{watch: 5 * time.Second}},
		{faults: []string{"frozen-tcp=1s", "heal"}, want: expectation{watch: 6 * time.Second, gap: soon}},
		{faults: []string{"kill=1s", "heal"}, want: expectation{watch: 5 * time.Second, gap: soon}},
		{faults: []string{"hang-up=1s", "heal"}, want: expectation{watch: 5 * time.Second, gap: soon}},
		{faults: []string{"gone=1s,3s", "heal"}, want: expectation{watch: 8 * time.Second, gap: 3*time.Second + soon}},
		{faults: []string{"rtcp-bye=1s", "heal"}, want: expectation{watch: 6 * time.Second, gap: soon}},
		{faults: []string{"keepalive-required"}, want: expectation{watch: 14 * time.Second}},
		{faults: []string{"keepalive-required=3s"}, want: expectation{watch: 8 * time.Second, sessions: 1}},
		{faults: []string{"get-parameter-501", "keepalive-required=3s"}, want: expectation{watch: 8 * time.Second, sessions: 1}},
		{faults: []string{"get-parameter-501", "keepalive-required"}, want: expectation{watch: 14 * time.Second}},
		{faults: []string{"one-client"}, meanwhile: func(t testing.TB, p *pulled) { p.cam.Kill() }, want: expectation{watch: 4 * time.Second, gap: soon}},
		{faults: []string{"hold-port"}, meanwhile: func(t testing.TB, p *pulled) { p.cam.Kill() }, want: expectation{watch: 10 * time.Second, gap: 5*time.Second + soon}},
		{faults: []string{"teardown-hang"}},
		{faults: []string{"heal", "kill=1s"}, want: expectation{watch: 5 * time.Second, gap: soon}},
	}
}

func tlsFaults() []faultRow {
	return []faultRow{
		{faults: []string{"dead-tls"}, by: tcp(), tls: true, want: expectation{refused: camgate.ErrTimeout}},
		{faults: []string{"dead-tls", "heal"}, tls: true, want: expectation{start: 2500*time.Millisecond + soon}},
		{faults: []string{"old-tls"}, tls: true},
	}
}

func signalling() []faultRow {
	return []faultRow{
		{faults: []string{"slow-describe"}, want: expectation{start: 5*time.Second + soon}},
		{faults: []string{"redirect"}},
		{faults: []string{"describe-other-base"}},
		{faults: []string{"relative-control"}},
		{faults: []string{"absolute-control"}},
		{faults: []string{"no-rtp-info"}},
		{faults: []string{"no-public"}},
		{faults: []string{"huge-sdp"}},
		{faults: []string{"no-tracks"}, by: tcp(), want: expectation{refused: camgate.ErrNoVideoTrack}},
		{faults: []string{"audio-only"}, want: expectation{noVideo: true}},
		{faults: []string{"video-only"}, want: expectation{silent: true}},
		{faults: []string{"late-sdp"}, want: expectation{start: 3*time.Second + soon}},
	}
}

func passwords() []faultRow {
	return []faultRow{
		{faults: []string{"basic"}, user: true},
		{faults: []string{"digest-md5"}, user: true},
		{faults: []string{"digest-sha256"}, user: true},
		{faults: []string{"all-schemes"}, user: true},
		{faults: []string{"digest-qop"}, user: true},
		{faults: []string{"digest-qop", "digest-sha256", "digest-stale"}, user: true},
		{faults: []string{"digest-stale"}, user: true},
		{faults: []string{"digest-stale=1"}, user: true},
		{faults: []string{"realm-change"}, user: true},
		{faults: []string{"odd-realm"}, user: true},
		{faults: []string{"auth-options"}, user: true},
		{faults: []string{"refuse-password"}, user: true, want: expectation{refused: camgate.ErrAuthFailed}, also: func(t testing.TB, p *pulled) {
			within(5*time.Second, func() bool { return false })
			if st := p.cam.Status(); st.AuthFailures > 1 || p.stream.Status().State != camgate.StateFailed {
				t.Errorf("the password was tried %d times, state %s", st.AuthFailures, p.stream.Status().State)
			}
		}},
	}
}

// numbers are time and numbers in RTP.
func numbers() []faultRow {
	const often = 500 * time.Millisecond
	once := expectation{watch: 3 * time.Second, sessions: 1}
	return []faultRow{
		{faults: []string{"ssrc-change=1s"}, want: once},
		{faults: []string{"seq-jump=1s"}, want: once},
		{faults: []string{"seq-jump=1s,-1000"}, want: once},
		{faults: []string{"seq-wrap"}, want: once},
		{faults: []string{"ts-jump=1s"}, report: often, want: once},
		{faults: []string{"ts-jump=1s,-90000000"}, report: often, want: once},
		{faults: []string{"ts-back=1s"}, report: often, want: once},
		{faults: []string{"ts-wrap"}, report: often, want: once},
		{faults: []string{"drift=50000ppm"}, report: often, want: once},
		{faults: []string{"wrong-clock"}, report: often, want: once},
		{faults: []string{"jumping-clock"}, report: often, want: once},
		{faults: []string{"no-sr"}, want: once},
	}
}

// programmes are pictures and sound.
func programmes() []faultRow {
	return []faultRow{
		{faults: []string{"no-marker"}},
		{faults: []string{"all-markers", "multi-slice"}},
		{faults: []string{"multi-slice"}},
		{faults: []string{"multi-slice", "no-marker"}},
		{faults: []string{"single-nal"}},
		{faults: []string{"stap-a"}},
		{faults: []string{"bframes"}},
		{faults: []string{"mid-gop"}},
		{faults: []string{"sps-change=1s"}, want: expectation{watch: 4 * time.Second}},
		{faults: []string{"sps-sdp-only"}},
		{faults: []string{"sps-band-only"}},
		{faults: []string{"late-params=2s"}, want: expectation{start: 2*time.Second + soon}},
		{faults: []string{"pcma"}, want: expectation{codec: camgate.PCMA}},
		{faults: []string{"pcmu"}, want: expectation{codec: camgate.PCMU}},
		{faults: []string{"opus"}, want: expectation{codec: camgate.Opus}},
		{faults: []string{"aac"}, want: expectation{codec: camgate.AAC}},
	}
}
