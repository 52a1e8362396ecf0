package fakecam

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// answer does what a request asks for (RFC 2326, 10).
func (k *conn) answer(ctx context.Context, req *request) error {
	k.cam.stats.requested(req.method)
	if k.session != nil {
		k.session.sign(true)
	}
	if req.wantsBackChannel() && k.cam.opts.BackChannel == "" {
		res := &response{status: 551}
		res.add("Unsupported", backChannelOption)
		return k.write(res.bytes(req))
	}
	if refusal := k.admit(req); refusal != nil {
		return k.write(refusal.bytes(req))
	}
	res := &response{status: 200}
	switch req.method {
	case "OPTIONS":
		k.options(res)
	case "DESCRIBE":
		if f, slow := k.fault("slow-describe"); slow && !k.pause(f.time(0)) {
			return errHeld
		}
		k.describe(req, res)
	case "SETUP":
		k.setup(ctx, req, res)
	case "PLAY":
		return k.play(req, res)
	case "GET_PARAMETER", "SET_PARAMETER":
		k.keepAlive(req, res)
	case "TEARDOWN":
		if k.has("teardown-hang") {
			return nil
		}
		return k.teardown(req, res)
	case "PAUSE", "RECORD", "ANNOUNCE":
		res.status = 405
	default:
		res.status = 501
	}
	return k.write(res.bytes(req))
}

func (k *conn) options(res *response) {
	if k.session != nil && k.session.plays() {
		k.cam.stats.keptAlive()
	}
	if k.has("no-public") {
		return
	}
	public := "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, SET_PARAMETER"
	if !k.has("get-parameter-501") {
		public += ", GET_PARAMETER"
	}
	res.add("Public", public)
}

func (k *conn) keepAlive(req *request, res *response) {
	switch {
	case req.method == "GET_PARAMETER" && k.has("get-parameter-501"):
		res.status = 501
	case k.session == nil && req.header["session"] != "":
		res.status = 454
	case k.session != nil:
		res.add("Session", k.session.id)
		if k.session.plays() {
			k.cam.stats.keptAlive()
		}
	}
}

func (k *conn) describe(req *request, res *response) {
	path := k.cam.opts.Path
	if k.has("redirect") {
		path += "/moved"
		if pathOf(req.url) == k.cam.opts.Path {
			res.status = 302
			res.add("Location", k.urlOf(req.url, path))
			return
		}
	}
	if pathOf(req.url) != strings.TrimSuffix(path, "/") {
		res.status = 404
		return
	}
	k.prog = k.cam.programme(k)
	k.base = path
	k.speaker = req.wantsBackChannel()
	base := k.urlOf(req.url, path) + "/"
	prefix := ""
	switch {
	case k.has("describe-other-base"):
		k.base = "/other/stream"
		base = "rtsp://camera.invalid:554/other/stream/"
		prefix = base
	case k.has("relative-control"):
		base = ""
	case k.has("absolute-control"):
		base, prefix = "", base
	}
	if base != "" {
		res.add("Content-Base", base)
	}
	res.add("Content-Type", "application/sdp")
	res.body = k.sdp(prefix)
}

// urlOf is a path on this camera, as the client calls it.
func (k *conn) urlOf(asked, path string) string {
	scheme, rest, ok := strings.Cut(asked, "://")
	if !ok {
		return strings.TrimSuffix(k.cam.URL(), k.cam.opts.Path) + path
	}
	host, _, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	return scheme + "://" + host + path
}

func (k *conn) setup(ctx context.Context, req *request, res *response) {
	id := -1
	if k.prog != nil {
		for i := range k.prog.tracks {
			if pathOf(req.url) == fmt.Sprintf("%s/trackID=%d", strings.TrimSuffix(k.base, "/"), i) {
				id = i
			}
		}
		if k.speaker && pathOf(req.url) == strings.TrimSuffix(k.base, "/")+"/"+speakerControl {
			id = speakerID
		}
	}
	switch {
	case k.prog == nil:
		res.status = 455
		return
	case id < 0:
		res.status = 404
		return
	case k.session != nil && k.session.plays():
		res.status = 455
		return
	case k.session != nil && req.header["session"] == "":
		// A client that gave up the first try and begins anew.
		k.session.end()
		k.session = nil
	case k.session != nil && !k.session.named(req):
		res.status = 454
		return
	}
	if k.session == nil {
		if status := k.cam.mayOpen(k); status != 0 {
			res.status = status
			return
		}
		k.session = newSession(ctx, k)
	}
	header, err := k.session.setup(id, req.header["transport"])
	if err != nil {
		k.log.Info("transport refused", "reason", err.Error())
		res.status = 461
		if len(k.session.tracks) == 0 && k.session.speaker == nil {
			k.session.end()
			k.session = nil
		}
		return
	}
	res.add("Transport", header)
	res.add("Session", fmt.Sprintf("%s;timeout=%d", k.session.id, int(k.session.timeout().Seconds())))
}

// mayOpen tells by a status why there can be no session now.
func (c *Cam) mayOpen(k *conn) int {
	c.mu.Lock()
	held := k.now().Before(c.holdUntil)
	c.mu.Unlock()
	if held && k.has("hold-port") {
		return 453
	}
	if f, only := k.fault("one-client"); only && c.stats.sessionsOpen() > 0 {
		return int(f.args[0])
	}
	return 0
}

func (k *conn) play(req *request, res *response) error {
	s := k.session
	switch {
	case s == nil || !s.named(req):
		res.status = 454
		return k.write(res.bytes(req))
	case s.plays(): // some clients say it once more
		res.add("Session", s.id)
		return k.write(res.bytes(req))
	}
	res.add("Session", s.id)
	res.add("Range", "npt=0.000-")
	if !k.has("no-rtp-info") {
		res.add("RTP-Info", s.rtpInfo(k.urlOf(req.url, k.base)))
	}
	k.mu.Lock()
	k.playing = k.now()
	k.mu.Unlock()
	if k.has("interleaved-early") {
		s.play()
		select {
		case <-s.begun:
		case <-k.gone:
		}
		return k.write(res.bytes(req))
	}
	if err := k.write(res.bytes(req)); err != nil {
		return err
	}
	s.play()
	return nil
}

func (k *conn) teardown(req *request, res *response) error {
	s := k.session
	if s == nil || !s.named(req) {
		res.status = 454
		return k.write(res.bytes(req))
	}
	s.orderly = true
	s.end()
	k.session = nil
	k.mu.Lock()
	k.playing = time.Time{}
	k.mu.Unlock()
	return k.write(res.bytes(req))
}
