package webrtc

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/burst"
	"github.com/camgate/camgate/ingest"
)

// A viewer gets picture and sound at once and without a gap, whichever way the
// datagrams leave.
func TestViewerReceives(t *testing.T) {
	for name, c := range map[string]struct {
		mode     burst.Mode
		library  bool
		settings func(*pion.SettingEngine)
	}{
		"auto": {}, "plain": {mode: burst.Plain}, "sendmmsg": {mode: burst.Batch}, "gso": {mode: burst.Segment}, "tcp": {settings: byTCP},
		"by the library": {library: true}, "by the library, tcp": {library: true, settings: byTCP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := newStream(t)
			p := newProgram(t, stream, true)
			for range 30 {
				p.next()
			}
			g := newGateway(t, stream, logTo(t), func(o *Options) { o.burstMode, o.libraryMedia = c.mode, c.library })
			p.run()
			v := g.join(t, clientOptions{settings: c.settings})
			v.wait("picture and sound", func() bool {
				return len(v.packets["video"]) > 300 && len(v.packets["audio"]) > 50 && len(v.reports["video"]) > 0 && len(v.reports["audio"]) > 0
			})
			x := g.only(t)
			x.transport.mu.Lock()
			if (x.transport.local == nil) != c.library {
				t.Error("media goes another way")
			}
			x.transport.mu.Unlock()
			v.mu.Lock()
			defer v.mu.Unlock()
			for kind, packets := range v.packets {
				contiguous(t, kind, packets)
			}
			if first := v.packets["video"][0].Payload[0] & 0x1f; first != 24 && first != 7 {
				t.Errorf("it begins with NAL unit type %d and not with parameter sets", first)
			}
			info := stream.Info()
			if len(info.Readers) != 1 || info.Readers[0].Protocol != "webrtc" || info.Readers[0].Remote == "" || info.Readers[0].Bytes == 0 {
				t.Errorf("readers %+v", info.Readers)
			}
		})
	}
}

func contiguous(t *testing.T, kind string, packets []*rtp.Packet) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		if d := packets[i].SequenceNumber - packets[i-1].SequenceNumber; d != 1 {
			t.Errorf("%s packet %d: sequence number goes on by %d", kind, i, d)
		}
		if d := int32(packets[i].Timestamp - packets[i-1].Timestamp); d < 0 {
			t.Errorf("%s packet %d: timestamp goes back by %d", kind, i, -d)
		}
	}
}

// Sender reports put picture and sound on one clock: live pictures and the sound
// published with them belong to the same moment.
func TestSync(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, true)
	p.next()
	g := newGateway(t, stream)
	p.run()
	v := g.join(t, clientOptions{})
	v.wait("reports", func() bool {
		return len(v.reports["video"]) > 1 && len(v.reports["audio"]) > 1 && len(v.packets["video"]) > 300
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	moment := func(kind string, rate float64, stamp uint32) time.Duration {
		r := v.reports[kind][0]
		ntp := time.Duration(float64(r.NTPTime>>32)*1e9) + time.Duration(float64(r.NTPTime&0xffffffff)/(1<<32)*1e9)
		return ntp + time.Duration(float64(int32(stamp-r.RTPTime))/rate*1e9)
	}
	for kind, rate := range map[string]float64{"video": 90000, "audio": 48000} {
		for _, r := range v.reports[kind][1:] {
			ntp := time.Duration(float64(r.NTPTime>>32)*1e9) + time.Duration(float64(r.NTPTime&0xffffffff)/(1<<32)*1e9)
			if d := moment(kind, rate, r.RTPTime) - ntp; d.Abs() > time.Millisecond {
				t.Errorf("reports of %s drift by %v", kind, d)
			}
		}
	}
	first := func(kind string, rate float64) time.Duration { return moment(kind, rate, v.packets[kind][0].Timestamp) }
	if d := first("audio", 48000) - first("video", 90000); d < soundAfter/2 {
		t.Errorf("sound begins %v after the pictures", d)
	}
	pictures := map[time.Duration]bool{}
	for _, packet := range v.packets["video"] {
		pictures[moment("video", 90000, packet.Timestamp).Round(time.Millisecond)] = true
	}
	hits := 0
	for _, packet := range v.packets["audio"] {
		at := moment("audio", 48000, packet.Timestamp).Round(time.Millisecond)
		if pictures[at] || pictures[at+time.Millisecond] || pictures[at-time.Millisecond] {
			hits++
		}
	}
	// Every second piece of sound has a picture of the same moment.
	if n := len(v.packets["audio"]); hits < n/3 {
		t.Errorf("%d of %d pieces of sound are at a picture's time", hits, n)
	}
}

// What the viewer misses is sent again, bit by bit the same.
func TestNACK(t *testing.T) {
	t.Run("burst", func(t *testing.T) { testNACK(t, false) })
	t.Run("by the library", func(t *testing.T) { testNACK(t, true) })
}

func testNACK(t *testing.T, library bool) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	for range 20 {
		p.next()
	}
	g := newGateway(t, stream, func(o *Options) { o.libraryMedia = library })
	p.run()
	v := g.join(t, clientOptions{settings: func(s *pion.SettingEngine) { s.DisableSRTPReplayProtection(true) }})
	v.wait("pictures", func() bool { return len(v.packets["video"]) > 100 })
	v.mu.Lock()
	wanted := []*rtp.Packet{}
	for _, i := range []int{3, 4, 5, 40, 77} {
		wanted = append(wanted, v.packets["video"][i])
	}
	v.mu.Unlock()
	var seqs []uint16
	for _, w := range wanted {
		seqs = append(seqs, w.SequenceNumber)
	}
	nack := &rtcp.TransportLayerNack{MediaSSRC: wanted[0].SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}
	if err := v.pc.WriteRTCP([]rtcp.Packet{nack}); err != nil {
		t.Fatal(err)
	}
	v.wait("retransmission", func() bool {
		copies := 0
		for _, got := range v.packets["video"] {
			for _, w := range wanted {
				if got.SequenceNumber == w.SequenceNumber {
					copies++
					if got.Timestamp != w.Timestamp || got.Marker != w.Marker || string(got.Payload) != string(w.Payload) {
						t.Fatalf("packet %d is another one", w.SequenceNumber)
					}
				}
			}
		}
		return copies == 2*len(wanted)
	})
	// They are counted when they have gone, which the viewer may see first.
	eventually(t, "they are counted", func() bool { return g.Stats().Resent == uint64(len(wanted)) })
}

// A viewer that cannot go on without a keyframe gets one of the source, or the
// cached GOP again.
func TestKeyframeRequest(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.gop = 1000
	asked := atomic.Bool{}
	stream.OnKeyframeRequest(func() { asked.Store(true) })
	for range 5 {
		p.next()
	}
	g := newGateway(t, stream)
	p.run()
	v := g.join(t, clientOptions{})
	keyframes := func() (n int) {
		for _, packet := range v.packets["video"] {
			if nal := packet.Payload[0] & 0x1f; nal == 24 || nal == 7 {
				n++
			}
		}
		return n
	}
	v.wait("a keyframe", func() bool { return keyframes() == 1 && len(v.packets["video"]) > 60 })
	v.mu.Lock()
	ssrc := v.packets["video"][0].SSRC
	v.mu.Unlock()
	if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}); err != nil {
		t.Fatal(err)
	}
	v.wait("a second keyframe", func() bool { return keyframes() == 2 })
	if !asked.Load() {
		t.Error("the source was not asked")
	}
	v.mu.Lock()
	contiguous(t, "video", v.packets["video"])
	v.mu.Unlock()
}

// When the stream goes on with other tracks the viewer has to start anew.
func TestTracksChanged(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.next()
	g := newGateway(t, stream)
	v := g.join(t, clientOptions{})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	p.writer.Close()
	w, err := ingest.NewWriter(stream, []*camgate.Track{opusTrack(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	eventually(t, "the session is gone", func() bool { return g.Sessions() == 0 })
	eventually(t, "the viewer is told", func() bool { return v.pc.ConnectionState() == pion.PeerConnectionStateClosed })
}

// A viewer whose certificate is not that of its offer gets nothing.
func TestWrongFingerprint(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.next()
	g := newGateway(t, stream, logTo(t))
	pc, offer := offerOf(t, clientOptions{})
	i := strings.Index(offer, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	end := i + strings.IndexByte(offer[i:], '\r')
	good := offer[i:end]
	bad := strings.Repeat("00:", 31) + "00"
	r := g.request(t, "POST", g.url, typeSDP, strings.ReplaceAll(offer, good, bad))
	if r.code != 201 {
		t.Fatalf("%d %s", r.code, r.body)
	}
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: r.body}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session is gone", func() bool { return g.Sessions() == 0 })
	if n := stream.Info().BytesOut; n != 0 {
		t.Errorf("%d bytes were sent", n)
	}
}

// A viewer that names sources without end has to go.
func TestTooManySources(t *testing.T) {
	stream := newStream(t)
	p := newProgram(t, stream, false)
	p.next()
	g := newGateway(t, stream, logTo(t))
	v := g.join(t, clientOptions{})
	v.wait("a picture", func() bool { return len(v.packets["video"]) > 0 })
	for i := range uint32(10 * maxSources) {
		_ = v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: i}})
	}
	eventually(t, "it is gone", func() bool { return g.Sessions() == 0 })
}
