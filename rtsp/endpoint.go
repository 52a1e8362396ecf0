package rtsp

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"github.com/camgate/camgate"
)

// endpoint is one port of the server: what the library calls for its connections.
// It calls the methods in the goroutine of the connection or of the session that a
// request belongs to, one at a time for each; they may wait.
type endpoint struct {
	server   *Server
	lib      *gortsplib.Server
	listener *listener
}

// connState is what we keep of a connection. It is used while the connection has a
// request answered, so by one goroutine at a time.
type connState struct {
	conn   *conn
	remote string
	addr   netip.Addr
	method base.Method // of the request that is being answered
	base   string      // the stream's URL as a DESCRIBE asked for it, without query

	session *session // which that request concerns, when it asks for or controls media

	user  *camgate.User // verified by Basic
	basic string        // the header that did it
}

func stateOf(sc *gortsplib.ServerConn) *connState { return sc.UserData().(*connState) }

// OnConnOpen is called before anything is read.
func (e *endpoint) OnConnOpen(ctx *gortsplib.ServerHandlerOnConnOpenCtx) {
	c := ctx.Conn.NetConn().(*conn)
	st := &connState{conn: c, remote: c.RemoteAddr().String()}
	if from, err := netip.ParseAddrPort(st.remote); err == nil {
		st.addr = from.Addr()
	}
	ctx.Conn.SetUserData(st)
}

// OnConnClose is called last.
func (e *endpoint) OnConnClose(ctx *gortsplib.ServerHandlerOnConnCloseCtx) {
	e.server.log.Debug("connection closed", "protocol", protocol, "remote", stateOf(ctx.Conn).remote, "reason", ctx.Error)
}

// OnSessionOpen is called before the first request of a session is answered.
func (e *endpoint) OnSessionOpen(ctx *gortsplib.ServerHandlerOnSessionOpenCtx) {
	st := stateOf(ctx.Conn)
	ctx.Session.SetUserData(&session{endpoint: e, lib: ctx.Session, remote: st.remote, log: e.server.log.With("protocol", protocol, "remote", st.remote)})
}

func sessionOf(ss *gortsplib.ServerSession) *session { return ss.UserData().(*session) }

// OnSessionClose is called when a session has ended, for whatever reason.
func (e *endpoint) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	sessionOf(ctx.Session).close(ctx.Error)
}

// OnRequest is called before a request is looked at.
func (e *endpoint) OnRequest(sc *gortsplib.ServerConn, req *base.Request) {
	st := stateOf(sc)
	st.method, st.session, st.base = req.Method, nil, ""
	if req.Method == base.Describe && req.URL != nil {
		u := base.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: "/" + nameOf(req.URL.Path) + "/"}
		st.base = u.String()
	}
	if ss := sc.Session(); ss != nil {
		st.session = sessionOf(ss)
	}
	// The library makes GStreamer wait for a second, in favour of an old publisher.
	if agent := req.Header["User-Agent"]; req.Method == base.Setup && len(agent) == 1 &&
		strings.HasPrefix(agent[0], "GStreamer") && !isRecord(req.Header["Transport"]) {
		req.Header["User-Agent"] = base.HeaderValue{"a " + agent[0]}
	}
}

func isRecord(transport base.HeaderValue) bool {
	return len(transport) == 1 && strings.Contains(strings.ToLower(transport[0]), "record")
}

// OnResponse is called before a response is written.
func (e *endpoint) OnResponse(sc *gortsplib.ServerConn, res *base.Response) {
	res.Header["Server"] = base.HeaderValue{"camgate"}
	st := stateOf(sc)
	if st.base != "" && res.StatusCode == base.StatusOK {
		// Control URLs are made from it: a second slash or a query would end up within
		// them.
		res.Header["Content-Base"] = base.HeaderValue{st.base}
	}
	if st.session == nil || res.StatusCode != base.StatusOK {
		return
	}
	switch st.method {
	case base.Setup:
		st.session.isSetUp(res)
	case base.Play:
		st.conn.framer.paused.Store(false)
		st.session.answerPlay(st, res)
	case base.Record:
		st.conn.framer.paused.Store(false)
	case base.Pause:
		st.conn.framer.paused.Store(true)
	case base.Teardown:
		st.conn.framer.paused.Store(true)
		st.session.stopPlaying()
		st.session.stopTaking()
	}
}

// OnDescribe answers with the description of a stream as soon as it has one.
func (e *endpoint) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	stream, release, err := e.open(ctx.Conn, ctx.Request, ctx.Path)
	if err != nil {
		res, err := e.refuse(ctx.Conn, ctx.Path, err)
		return res, nil, err
	}
	defer release()
	res := ok()
	if res.Body, err = describeStream(stream); err != nil {
		res, err := e.refuse(ctx.Conn, ctx.Path, err)
		return res, nil, err
	}
	return res, nil, nil
}

func ok() *base.Response { return &base.Response{StatusCode: base.StatusOK} }

// refuse turns an error into an answer, and tells its reason in the log, mostly only there.
func (e *endpoint) refuse(sc *gortsplib.ServerConn, path string, err error) (*base.Response, error) {
	status := statusOf(err)
	e.server.log.LogAttrs(e.server.ctx, levelOf(err), "request refused", slog.String("protocol", protocol),
		slog.String("stream", nameOf(path)), slog.String("remote", stateOf(sc).remote),
		slog.Int("status", int(status)), slog.Any("err", err))
	if status == base.StatusUnauthorized {
		// Has the library challenge the client, or close when that was tried.
		return &base.Response{StatusCode: status}, liberrors.ErrServerAuth{}
	}
	res := &base.Response{StatusCode: status}
	if unfit := (*unfitError)(nil); errors.As(err, &unfit) { // it is of the pictures, and no secret
		res.StatusMessage = "Unsupported Media Type: " + unfit.reason
	}
	return res, nil
}

// levelOf: each client asks without a password first, players ask again and again
// for what is not there, and who guesses passwords is told of once.
func levelOf(err error) slog.Level {
	var refused *camgate.TooManyAttemptsError
	switch {
	case errors.As(err, &refused) && refused.First:
		return slog.LevelWarn
	case errors.As(err, &refused), errors.Is(err, camgate.ErrAuthFailed), errors.Is(err, camgate.ErrNotReady), errors.Is(err, camgate.ErrStreamNotFound):
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// OnSetup prepares one track of a reader or a publisher.
func (e *endpoint) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	s := sessionOf(ctx.Session)
	stateOf(ctx.Conn).session = s
	if ctx.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return ok(), nil, nil
	}
	if s.desc == nil {
		if err := e.read(s, ctx); err != nil {
			res, err := e.refuse(ctx.Conn, ctx.Path, err)
			return res, nil, err
		}
	}
	return ok(), s.desc.lib, nil
}

// read makes a session that of a reader.
func (e *endpoint) read(s *session, ctx *gortsplib.ServerHandlerOnSetupCtx) error {
	stream, release, err := e.open(ctx.Conn, ctx.Request, ctx.Path)
	if err != nil {
		return err
	}
	d, err := newDescribed(e.lib, stream)
	if err != nil {
		release()
		return err
	}
	s.release = release
	s.desc, s.conn, s.log = d, stateOf(ctx.Conn).conn, s.log.With("stream", stream.Name())
	return nil
}

// OnPlay starts a reader.
func (e *endpoint) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	s := sessionOf(ctx.Session)
	stateOf(ctx.Conn).session = s
	if err := s.prepare(); err != nil {
		return e.refuse(ctx.Conn, ctx.Path, err)
	}
	return ok(), nil
}

// OnPause stops a reader or a publisher for a while.
func (e *endpoint) OnPause(ctx *gortsplib.ServerHandlerOnPauseCtx) (*base.Response, error) {
	s := sessionOf(ctx.Session)
	s.stopPlaying()
	s.pausePublishing()
	return ok(), nil
}

// OnDecodeError, OnStreamWriteError and OnPacketsLost are told of to nobody: the
// library would write them to the standard logger.
func (e *endpoint) OnDecodeError(*gortsplib.ServerHandlerOnDecodeErrorCtx) {}

// OnStreamWriteError see OnDecodeError.
func (e *endpoint) OnStreamWriteError(*gortsplib.ServerHandlerOnStreamWriteErrorCtx) {}

// OnPacketsLost see OnDecodeError; each inlet counts for itself.
func (e *endpoint) OnPacketsLost(*gortsplib.ServerHandlerOnPacketsLostCtx) {}
