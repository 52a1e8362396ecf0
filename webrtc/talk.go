package webrtc

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
)

// TalkHeader names the response header that tells a viewer who offers a microphone what
// becomes of it: "PCMU", which the camera takes, or why the viewer is not heard: "refused:
// somebody talks already". Without a back channel of the stream there is no such header.
const TalkHeader = "X-Camgate-Talk"

// talksOnly reports whether somebody wants to be heard, and not to see or hear.
func (o *offer) talksOnly() bool {
	return !slices.ContainsFunc(o.sections, func(s section) bool { return s.receives() }) &&
		slices.ContainsFunc(o.sections, func(s section) bool { return s.kind == string(camgate.Audio) && s.sends() })
}

// addMic adds the viewer's microphone to a plan, where there is one and a camera that
// takes its sound; else it says why not.
func (p *plan) addMic(o *offer, r *http.Request, stream *camgate.Stream) error {
	i := o.mic(p)
	back := stream.BackChannel()
	if i < 0 {
		return fmt.Errorf("%w: the offer has no microphone", camgate.ErrBadRequest)
	}
	if back == nil {
		return fmt.Errorf("%w: the stream's camera has none, or the config does not let anybody talk", camgate.ErrNoBackChannel)
	}
	if !camgate.MayTalk(r.Context()) {
		return fmt.Errorf("%w: talking takes the permission to talk", camgate.ErrForbidden)
	}
	if err := back.Free(); err != nil {
		return err
	}
	s := &o.sections[i]
	takes := back.Codec()
	for _, codec := range []camgate.Codec{takes, otherLaw(takes)} {
		track := camgate.NewTrack(camgate.TrackOptions{Kind: camgate.Audio, Codec: codec, ClockRate: 8000, Channels: 1})
		if c := s.choose(track); c != nil {
			p.mic = &route{track: track, camera: takes, section: i, codec: c, direction: "sendonly", lines: s.sources.lines()}
			return nil
		}
	}
	return fmt.Errorf("%w: the camera takes %s, the microphone offers %s", camgate.ErrUnsupportedCodec, takes, s.named())
}

// mic is the section by which the viewer talks: one of those that are served, or one for
// that alone; -1: there is none.
func (o *offer) mic(p *plan) int {
	for i := range o.sections {
		s := &o.sections[i]
		if s.kind != string(camgate.Audio) || !s.sends() {
			continue
		}
		bundled := slices.Contains(o.bundle, s.mid)
		if p.uses(i) || bundled || o.bundle == nil && len(p.routes) == 0 {
			return i
		}
	}
	return -1
}

// parts are all sections that are taken, in their order, as the library is to see them.
func (p *plan) parts() []route {
	if p.mic == nil {
		return p.routes
	}
	out := slices.Clone(p.routes)
	if i := slices.IndexFunc(out, func(r route) bool { return r.section == p.mic.section }); i >= 0 {
		out[i].direction, out[i].mic, out[i].lines = "sendrecv", p.mic.codec, p.mic.lines
		return out
	}
	out = append(out, *p.mic)
	slices.SortFunc(out, func(a, b route) int { return a.section - b.section })
	return out
}

// codecs are the payload types of a section, that of the microphone first, which then
// sends that one.
func (r *route) codecs() []*codec {
	if r.mic == nil || r.mic == r.codec {
		return []*codec{r.codec}
	}
	return []*codec{r.mic, r.codec}
}

// addMic makes the transceiver of a microphone that has a section of its own.
func addMic(pc *pion.PeerConnection, mic *route) error {
	t, err := pc.AddTransceiverFromKind(pion.RTPCodecTypeAudio, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly})
	if err != nil {
		return err
	}
	return t.SetCodecPreferences(mic.preferences())
}

const (
	// talkPause is how long somebody is not heard who was refused, or fell silent.
	talkPause = time.Second
	// maxSound is how much of it one packet may bring, in bytes: 150 ms.
	maxSound = 1200
)

// microphone takes what a viewer says to the camera.
type microphone struct {
	back        *camgate.BackChannel
	codec       camgate.Codec // that the camera takes
	recoded     *[256]byte    // of what comes, where that is the other kind of G711; nil: it is not
	payloadType uint8
	remote      string
	log         *slog.Logger
	own         *camgate.Talk // of a session that is for talking alone

	mu      sync.Mutex
	closed  bool
	reading sync.WaitGroup // of those who entered
	talk    *camgate.Talk
	retry   time.Time // when the place may be asked for again
	spent   bool      // the talker had his time
}

// newMicrophone makes that of a session. One that is for talking alone has its place from
// the beginning; of others it is asked for with the first sound: many viewers offer a
// microphone that they never use.
func newMicrophone(x *session, remote string) (*microphone, error) {
	m := &microphone{
		back: x.stream.BackChannel(), codec: x.plan.mic.camera, payloadType: x.plan.mic.codec.payloadType,
		remote: remote, log: x.log.With("remote", remote),
	}
	if m.codec != x.plan.mic.track.Codec {
		m.recoded = recode(m.codec)
	}
	if len(x.plan.routes) > 0 {
		return m, nil
	}
	var err error
	m.own, err = m.back.Talk(remote, m.codec)
	m.talk = m.own
	return m, err
}

// enter reports whether a goroutine of the library may go on.
func (m *microphone) enter() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.reading.Add(1)
	return true
}

// shut lets nobody enter any more, and gives the place back.
func (m *microphone) shut() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.talk != nil {
		m.talk.Close()
	}
}

// wait waits for those who entered; the transport is closed.
func (m *microphone) wait() {
	if m != nil {
		m.reading.Wait()
	}
}

// trackHandler takes what comes in, in a goroutine of the library.
type trackHandler = func(*pion.TrackRemote, *pion.RTPReceiver)

// handler is nil where nobody is heard.
func (m *microphone) handler() trackHandler {
	if m == nil {
		return nil
	}
	return m.track
}

// track takes the packets.
func (m *microphone) track(remote *pion.TrackRemote, _ *pion.RTPReceiver) {
	if !m.enter() {
		return
	}
	defer m.reading.Done()
	var last uint16
	for begun := false; ; {
		pkt, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		if pkt.PayloadType != m.payloadType || len(pkt.Payload) == 0 || len(pkt.Payload) > maxSound {
			continue
		}
		if begun && int16(pkt.SequenceNumber-last) <= 0 {
			continue // twice, or too late
		}
		begun, last = true, pkt.SequenceNumber
		if m.recoded != nil {
			for i, b := range pkt.Payload {
				pkt.Payload[i] = m.recoded[b]
			}
		}
		m.say(pkt.Timestamp, pkt.Payload, time.Now())
	}
}

// say takes a packet to the camera if the talker has the place, or gets it.
func (m *microphone) say(at uint32, sound []byte, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.talk == nil {
		if m.closed || m.spent || now.Before(m.retry) || camgate.Silent(m.codec, sound) {
			return
		}
		var err error
		m.retry = now.Add(talkPause)
		if m.talk, err = m.back.Talk(m.remote, m.codec); err != nil {
			m.talk = nil
			m.log.Debug("talker is not heard", "reason", err)
			return
		}
		m.log.Info("talk begins")
	}
	if err := m.talk.Write(at, sound); err != nil {
		m.talk, m.retry = nil, now.Add(talkPause)
		if m.spent = m.own != nil || errors.Is(err, camgate.ErrForbidden); m.own == nil {
			m.log.Info("talk ends", "reason", err)
		}
	}
}

// serveTalk is the life of a session that is for talking alone.
func (s *session) serveTalk() error {
	s.log.Info("talk begins")
	t := s.mic.own
	select {
	case <-s.ctx.Done():
		return nil // the cause is there
	case <-t.Done():
		return t.Err()
	}
}

// talkHeader is the value of TalkHeader; empty: there is none.
func talkHeader(o *offer, p *plan, refusal error, stream *camgate.Stream) string {
	switch {
	case stream.BackChannel() == nil || o.mic(p) < 0:
		return ""
	case refusal != nil:
		return "refused: " + refusal.Error()
	}
	return string(p.mic.track.Codec)
}
