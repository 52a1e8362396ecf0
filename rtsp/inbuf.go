package rtsp

import (
	"io"
	"net"
	"sync"
)

const (
	// inbufSize holds the largest interleaved frame, and a picture or two at a time.
	inbufSize = 1<<16 + 4<<10
	// streamBufSize is what one of its own begins with.
	streamBufSize = 4 << 10
)

// inbuf is what a peer has sent and nobody has taken yet. It is for one goroutine.
type inbuf interface {
	// unread returns what is there; it is valid until the next call of more.
	unread() []byte
	// more waits until there is more behind it.
	more() error
	// discard takes the first n bytes away.
	discard(n int)
}

// newInbuf returns the inbuf of a connection.
func newInbuf(c net.Conn, buffers *inbufPool) inbuf {
	if in := newSocketBuf(c, buffers); in != nil {
		return in
	}
	return &streamBuf{r: c}
}

// inbufPool lends the buffers of inbufs.
type inbufPool struct{ pool sync.Pool }

func (p *inbufPool) get() *[inbufSize]byte {
	if b, ok := p.pool.Get().(*[inbufSize]byte); ok {
		return b
	}
	return new([inbufSize]byte)
}

func (p *inbufPool) put(b *[inbufSize]byte) { p.pool.Put(b) }

// streamBuf reads from anything, TLS for example, into a buffer of its own that is
// as large as what came at once.
type streamBuf struct {
	r    io.Reader
	buf  []byte
	from int
}

func (in *streamBuf) unread() []byte { return in.buf[in.from:] }

func (in *streamBuf) discard(n int) {
	if in.from += n; in.from == len(in.buf) {
		in.buf, in.from = in.buf[:0], 0
	}
}

func (in *streamBuf) more() error {
	if in.from > 0 && len(in.buf) == cap(in.buf) {
		in.buf = in.buf[:copy(in.buf, in.buf[in.from:])]
		in.from = 0
	}
	if len(in.buf) == cap(in.buf) {
		grown := make([]byte, len(in.buf), min(max(2*cap(in.buf), streamBufSize), inbufSize))
		copy(grown, in.buf)
		in.buf = grown
	}
	if len(in.buf) == cap(in.buf) {
		return io.ErrShortBuffer
	}
	n, err := in.r.Read(in.buf[len(in.buf):cap(in.buf)])
	in.buf = in.buf[:len(in.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}
