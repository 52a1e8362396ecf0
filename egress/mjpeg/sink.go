package mjpeg

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/camgate/camgate"
)

// boundary separates the parts. It follows a picture at once, rather than
// preceding the next: viewers that look for the end of a part show it then.
const boundary = "camgate"

// maxUnsent is how many bytes may wait in the system to be sent to a viewer, where
// the system lets us choose. What waits there gets old.
const maxUnsent = 32 << 10

// sink takes pictures to one viewer. Only its own goroutine uses it.
type sink interface {
	// picture sends a Unit. It returns how many bytes were sent.
	picture(u *camgate.Unit) (int, error)
	close()
}

// partHeaders are the headers of the response.
func partHeaders(h http.Header) {
	h.Set("Content-Type", "multipart/x-mixed-replace; boundary="+boundary)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect pictures
	h.Set("Connection", "close")
}

// appendPart appends what comes before a picture of size bytes.
func appendPart(b []byte, u *camgate.Unit, size int) []byte {
	b = append(b, "Content-Type: image/jpeg\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, "\r\nX-Timestamp: "...) // when it was taken, as mjpg-streamer says it
	b = appendTimestamp(b, u.NTP)
	return append(b, "\r\n\r\n"...)
}

// appendTimestamp appends a time in seconds since 1970, with microseconds.
func appendTimestamp(b []byte, t time.Time) []byte {
	us := t.UnixMicro()
	b = strconv.AppendInt(b, us/1e6, 10)
	return append(b, '.', byte('0'+us/1e5%10), byte('0'+us/1e4%10), byte('0'+us/1e3%10),
		byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
}

// partEnd is what comes after a picture.
const partEnd = "\r\n--" + boundary + "\r\n"

// begin starts the response. The context that it returns ends when the viewer goes.
func (s *Server) begin(ctx context.Context, w http.ResponseWriter, r *http.Request) (context.Context, sink, error) {
	h := w.Header()
	partHeaders(h)
	rc := http.NewResponseController(w)
	if r.ProtoMajor == 1 {
		// The connection is taken over: then a picture is one system call, and we
		// have a say in how much waits in the system.
		conn, _, err := rc.Hijack()
		if err == nil {
			ctx, out := newSocket(ctx, conn, s.opts.ReaderTimeout)
			h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
			out.head = append(out.head, "HTTP/1.1 200 OK\r\n"...)
			var headers buffer
			if err := h.Write(&headers); err != nil {
				out.close()
				return nil, nil, err
			}
			out.head = append(append(out.head, headers...), partEnd...)
			return ctx, out, nil
		}
		if !errors.Is(err, http.ErrNotSupported) {
			return nil, nil, err
		}
	}
	h.Del("Connection") // there is none in HTTP/2
	return ctx, &response{w: w, rc: rc, timeout: s.opts.ReaderTimeout, head: []byte(partEnd[2:])}, nil
}

// buffer collects bytes.
type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// socket is a viewer's connection that was taken over.
type socket struct {
	conn    net.Conn
	timeout time.Duration
	renewed time.Time // when the deadline was set last
	head    []byte    // still to be sent before the next picture
	vec     [5][]byte
	end     context.CancelFunc
	watch   sync.WaitGroup
}

func newSocket(ctx context.Context, conn net.Conn, timeout time.Duration) (context.Context, *socket) {
	limitUnsent(conn, maxUnsent)
	ctx, cancel := context.WithCancel(ctx)
	s := &socket{conn: conn, timeout: timeout, end: cancel}
	// A write that waits for the viewer ends with the context.
	context.AfterFunc(ctx, func() { conn.Close() })
	s.watch.Go(func() {
		defer cancel()
		var b [64]byte
		for { // nothing is expected: it ends when the viewer goes
			if _, err := conn.Read(b[:]); err != nil {
				return
			}
		}
	})
	return ctx, s
}

func (s *socket) picture(u *camgate.Unit) (int, error) {
	list, size := pieces(u.AU[0])
	s.head = appendPart(s.head, u, size)
	vec := net.Buffers(append(s.vec[:0], s.head))
	for _, p := range list {
		if p != nil {
			vec = append(vec, p)
		}
	}
	vec = append(vec, []byte(partEnd))
	s.head = s.head[:0]
	// One timer for many pictures: a viewer has between three quarters of the
	// timeout and all of it.
	if now := time.Now(); now.Sub(s.renewed) > s.timeout/4 {
		s.renewed = now
		if err := s.conn.SetWriteDeadline(now.Add(s.timeout)); err != nil {
			return 0, err
		}
	}
	n, err := vec.WriteTo(s.conn)
	return int(n), err
}

func (s *socket) close() {
	s.end()
	s.conn.Close()
	s.watch.Wait()
}

// response is a viewer's connection that cannot be taken over, as with HTTP/2.
type response struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
	head    []byte
}

func (p *response) picture(u *camgate.Unit) (n int, err error) {
	if err := p.rc.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	list, size := pieces(u.AU[0])
	p.head = appendPart(p.head, u, size)
	for _, b := range [][]byte{p.head, list[0], list[1], list[2], []byte(partEnd)} {
		m, err := p.w.Write(b)
		if n += m; err != nil {
			return n, err
		}
	}
	p.head = p.head[:0]
	return n, p.rc.Flush()
}

func (p *response) close() {}
