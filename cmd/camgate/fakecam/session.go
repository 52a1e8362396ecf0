package fakecam

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	random "math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// session is what SETUP makes and TEARDOWN ends. It belongs to its connection.
type session struct {
	id     string
	conn   *conn
	random *random.Rand // of the player

	// Of the goroutine that reads.
	tracks  []*track
	speaker *track // the back channel; nil: it is not set up
	orderly bool   // ended by TEARDOWN
	ended   bool

	ctx    context.Context // of the player; ended by end
	cancel context.CancelFunc
	work   sync.WaitGroup
	begun  chan struct{} // closed after the first packets

	mu         sync.Mutex
	played     bool
	signAt     time.Time // the last sign of life
	requestAt  time.Time // the last request
	lastReport time.Time // the last receiver report, or PLAY
}

func newSession(ctx context.Context, k *conn) *session {
	now := k.now()
	s := &session{
		id: rand.Text()[:12], conn: k, random: k.random(), begun: make(chan struct{}), signAt: now, requestAt: now,
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	k.cam.stats.opened()
	return s
}

// end stops what the session sends and receives, and waits for it.
func (s *session) end() {
	if s.ended {
		return
	}
	s.ended = true
	s.cancel()
	for _, t := range s.tracks {
		t.out.close()
	}
	if s.speaker != nil {
		s.speaker.out.close()
	}
	s.work.Wait()
	s.conn.cam.stats.over()
}

// named tells whether a request is for this session.
func (s *session) named(req *request) bool {
	id, _, _ := strings.Cut(req.header["session"], ";")
	return strings.TrimSpace(id) == s.id
}

func (s *session) plays() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.played
}

// sign notes a sign of life.
func (s *session) sign(isRequest bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signAt = s.conn.now()
	if isRequest {
		s.requestAt = s.signAt
	}
}

func (s *session) timeout() time.Duration {
	if f, ok := s.conn.fault("keepalive-required"); ok {
		return f.time(0)
	}
	return s.conn.cam.opts.SessionTimeout
}

// expires is when the session is over if there is no more sign of life.
func (s *session) expires() time.Time {
	timeout, strict := s.timeout(), s.conn.has("keepalive-required")
	s.mu.Lock()
	defer s.mu.Unlock()
	if strict {
		return s.requestAt.Add(timeout)
	}
	return s.signAt.Add(timeout)
}

// setup adds a track and returns the Transport header of the answer (RFC 2326, 12.39).
func (s *session) setup(id int, wanted string) (header string, err error) {
	for _, t := range s.tracks {
		if t.id == id {
			return "", errors.New("the track is set up already")
		}
	}
	if id == speakerID {
		return s.setupSpeaker(wanted)
	}
	t := newTrack(s, id, s.conn.prog.tracks[id])
	err = errors.New("no transport that this camera has")
	for offer := range strings.SplitSeq(wanted, ",") {
		var tried bool
		if header, tried, err = s.transport(t, strings.TrimSpace(offer)); tried && err == nil {
			s.tracks = append(s.tracks, t)
			return fmt.Sprintf("%s;ssrc=%08X", header, t.ssrc), nil
		}
	}
	return "", err
}

// transport tries one offer of the client.
func (s *session) transport(t *track, offer string) (header string, tried bool, err error) {
	params := strings.Split(offer, ";")
	value := func(key string) (a, b int, ok bool) {
		for _, p := range params[1:] {
			if v, found := strings.CutPrefix(strings.TrimSpace(p), key+"="); found {
				first, second, two := strings.Cut(v, "-")
				a, err1 := strconv.Atoi(first)
				b, err2 := strconv.Atoi(second)
				if !two {
					b, err2 = a+1, nil
				}
				return a, b, err1 == nil && err2 == nil && a >= 0 && b >= 0
			}
		}
		return 0, 0, false
	}
	for _, p := range params[1:] {
		if strings.EqualFold(strings.TrimSpace(p), "multicast") {
			return "", true, errors.New("no multicast")
		}
	}
	switch strings.ToUpper(params[0]) {
	case "RTP/AVP/TCP":
		rtp, rtcp, ok := value("interleaved")
		if !ok {
			rtp, rtcp = 2*t.id, 2*t.id+1
		}
		if rtp > 255 || rtcp > 255 {
			return "", true, errors.New("channels above 255")
		}
		t.out = &interleaved{conn: s.conn, rtp: byte(rtp), rtcp: byte(rtcp)}
		return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", rtp, rtcp), true, nil
	case "RTP/AVP", "RTP/AVP/UDP":
		if s.conn.has("udp-461") {
			return "", true, errors.New("no UDP")
		}
		rtp, rtcp, ok := value("client_port")
		if !ok || rtp == 0 || rtp > 65535 || rtcp > 65535 {
			return "", true, errors.New("no ports to send to")
		}
		out, err := openDatagrams(s.conn.raw, rtp, rtcp)
		if err != nil {
			return "", true, err
		}
		t.out = out
		s.work.Go(func() { out.receive(func(data []byte) { s.report(t, data) }) })
		local := out.rtp.LocalAddr().(*net.UDPAddr).Port
		return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d;server_port=%d-%d", rtp, rtcp, local, local+1), true, nil
	}
	return "", true, fmt.Errorf("no transport %q", params[0])
}

// incoming takes what the client sent on a channel.
func (s *session) incoming(channel int, data []byte) {
	if s.listens(channel, data) {
		return
	}
	for _, t := range s.tracks {
		if out, ok := t.out.(*interleaved); ok && int(out.rtcp) == channel {
			s.report(t, data)
		}
	}
}

// rtpInfo says with which packets the tracks begin (RFC 2326, 12.33).
func (s *session) rtpInfo(base string) string {
	var infos []string
	for _, t := range s.tracks {
		infos = append(infos, fmt.Sprintf("url=%s/trackID=%d;seq=%d;rtptime=%d", base, t.id, t.seq, t.timestamp(0)))
	}
	return strings.Join(infos, ",")
}

// play begins to send.
func (s *session) play() {
	s.mu.Lock()
	s.played = true
	s.lastReport = s.conn.now()
	s.mu.Unlock()
	var names []string
	for _, t := range s.tracks {
		names = append(names, t.out.name())
	}
	s.conn.log.Info("playing", "transport", strings.Join(names, ","))
	if len(s.tracks) == 0 { // it is here to talk
		return
	}
	p := newPlayer(s)
	s.work.Go(func() {
		if err := p.run(s.ctx); err != nil && s.ctx.Err() == nil {
			s.conn.log.Info("media ended", "reason", err.Error())
			s.conn.close()
		}
	})
}
