package fakecam

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// track is one track of a session. What has no lock belongs to the player.
type track struct {
	id      int
	session *session
	media   *media
	out     outlet
	pack    packetizer
	drift   float64 // the pace of the camera's clock, near 1

	next    int   // sample that comes next
	origin  int64 // where the current turn of the loop begins, in ticks from PLAY
	waitKey bool  // pictures were left out: what comes before a keyframe is no use
	seq     uint16
	base    uint32 // timestamp of the beginning
	late    []latePacket
	srAt    time.Time // the last sender report

	mu            sync.Mutex
	ssrc          uint32
	count, octets uint64 // packets and bytes of payload that were numbered
	reports       []sentSR
}

// latePacket is one that others overtake.
type latePacket struct {
	data  []byte
	after int // so many packets
}

func newTrack(s *session, id int, m *media) *track {
	k := s.conn
	t := &track{
		id: id, session: s, media: m, drift: 1,
		pack: packetizer{codec: m.codec, whole: k.prog.whole, aggregate: k.has("stap-a") && !k.prog.whole},
		ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), base: rand.Uint32() / 2,
	}
	if k.has("seq-wrap") {
		t.seq = math.MaxUint16 - 100
	}
	if k.has("ts-wrap") {
		t.base = math.MaxUint32 - uint32(2*m.rate)
	}
	if f, ok := k.fault("drift"); ok {
		t.drift = 1 + f.args[0]/1e6
	}
	if k.has("mid-gop") {
		t.enterGOP(k.prog.tracks[0])
	}
	return t
}

// enterGOP begins in the middle of the first GOP of the pictures.
func (t *track) enterGOP(pictures *media) {
	half := 0
	for n, s := range pictures.samples {
		if n > 0 && s.key || n == len(pictures.samples)-1 {
			half = n / 2
			break
		}
	}
	at := float64(pictures.samples[half].dts) / float64(pictures.rate)
	for t.next < len(t.media.samples)-1 && float64(t.media.samples[t.next].dts) < at*float64(t.media.rate) {
		t.next++
	}
	t.origin = -int64(at * float64(t.media.rate))
}

// due is when the next sample is to be sent, from PLAY.
func (t *track) due() time.Duration {
	return time.Duration(float64(t.origin+t.media.samples[t.next].dts) / float64(t.media.rate) * float64(time.Second))
}

func (t *track) advance() {
	if t.next++; t.next == len(t.media.samples) {
		t.next = 0
		t.origin += t.media.length
	}
}

// replace goes on with other pictures.
func (t *track) replace(m *media) {
	now := t.origin + t.media.samples[t.next].dts
	t.media, t.next, t.origin = m, 0, now-m.samples[0].dts
}

// timestamp is that of a time since PLAY, by the camera's clock.
func (t *track) timestamp(elapsed time.Duration) uint32 {
	return t.ticks(int64(elapsed.Seconds() * float64(t.media.rate)))
}

func (t *track) ticks(n int64) uint32 {
	return t.base + uint32(int64(math.Round(float64(n)*t.drift)))
}

// shift moves the timestamps by ticks of 90 kHz, whatever the rate of the track.
func (t *track) shift(ticks float64) {
	t.base += uint32(int64(ticks * float64(t.media.rate) / 90000))
}

// send numbers the packets of the next sample and sends them.
func (t *track) send() error {
	k := t.session.conn
	s := t.media.samples[t.next]
	if t.media.kind == video {
		if t.waitKey && !s.key {
			return nil
		}
		t.waitKey = false
	}
	data := s.data
	if s.key && t.media.kind == video && t.inBand() {
		data = append(t.media.parameters(), data...)
	}
	noMarker, allMarkers := k.has("no-marker"), k.has("all-markers")
	for _, p := range t.pack.packets(data) {
		packet := rtp.Packet{
			Header: rtp.Header{
				Version: 2, PayloadType: t.media.payloadType(), SequenceNumber: t.seq,
				Timestamp: t.ticks(t.origin + s.pts), SSRC: t.ssrc,
			},
			Payload: p.payload,
		}
		switch t.media.codec {
		case codecH264, codecH265:
			packet.Marker = !noMarker && (p.last || allMarkers && p.slice)
		case codecAAC:
			packet.Marker = p.last
		default: // a marker would be the beginning of a talkspurt
		}
		b, err := packet.Marshal()
		if err != nil {
			return err
		}
		t.seq++
		t.mu.Lock()
		t.count++
		t.octets += uint64(len(p.payload))
		t.mu.Unlock()
		if err := t.deliver(b); err != nil {
			return err
		}
	}
	return nil
}

// inBand tells whether keyframes come with their parameter sets.
func (t *track) inBand() bool {
	k := t.session.conn
	if k.has("late-params") {
		_, now := k.due("late-params")
		return now
	}
	return !k.has("sps-sdp-only")
}

// deliver sends a packet as the network faults say.
func (t *track) deliver(b []byte) error {
	k, random := t.session.conn, t.session.random
	happens := func(name string) bool {
		f, ok := k.fault(name)
		return ok && random.Float64() < f.chance(0)
	}
	if happens("loss") || t.out.name() == "udp" && happens("udp-loss") {
		return nil
	}
	if f, ok := k.fault("reorder"); ok && t.seq%10 == 0 {
		t.late = append(t.late, latePacket{b, int(f.args[0])})
		return nil
	}
	if err := t.write(b); err != nil {
		return err
	}
	if happens("duplicate") {
		if err := t.write(b); err != nil {
			return err
		}
	}
	for i := 0; i < len(t.late); {
		if t.late[i].after--; t.late[i].after > 0 {
			i++
			continue
		}
		b := t.late[i].data
		t.late = append(t.late[:i], t.late[i+1:]...)
		if err := t.write(b); err != nil {
			return err
		}
	}
	return nil
}

func (t *track) write(b []byte) error {
	if err := t.out.writeRTP(b); err != nil {
		return err
	}
	t.session.conn.cam.stats.sent()
	return nil
}
