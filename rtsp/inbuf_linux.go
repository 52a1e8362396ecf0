package rtsp

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// socketBuf reads a socket, into a buffer that it has only while there is
// something in it: a hundred connections that are silent cost none.
//
// The runtime is not told of its system calls, which do not block. If it were, each
// of them that follows a moment of rest would wake the runtime's monitor, a thread
// that then looks every 20 us whether somebody hangs: with 50 publishers that was a
// fifth of all that the gateway did.
type socketBuf struct {
	conn    net.Conn
	raw     syscall.RawConn
	call    func(fd uintptr) bool
	buffers *inbufPool

	buf      *[inbufSize]byte // nil: nothing is there
	from, to int              // what is there
	rest     []byte           // what was there when nothing more came; buf is nil then
	n        int              // of the last call
	errno    syscall.Errno
}

// newSocketBuf returns nil when the connection is not one of the system.
func newSocketBuf(c net.Conn, buffers *inbufPool) inbuf {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	in := &socketBuf{conn: c, raw: raw, buffers: buffers}
	in.call = in.read
	return in
}

func (in *socketBuf) unread() []byte {
	if in.buf == nil {
		return nil
	}
	return in.buf[in.from:in.to]
}

func (in *socketBuf) discard(n int) {
	if in.from += n; in.from == in.to {
		in.giveBack()
	}
}

func (in *socketBuf) giveBack() {
	if in.buf != nil {
		in.buffers.put(in.buf)
		in.buf, in.from, in.to = nil, 0, 0
	}
}

func (in *socketBuf) more() error {
	if in.from > 0 {
		in.to = copy(in.buf[:], in.buf[in.from:in.to])
		in.from = 0
	}
	if in.to == inbufSize {
		return io.ErrShortBuffer
	}
	err := in.raw.Read(in.call)
	in.takeUp()
	switch {
	case err != nil:
		return err
	case in.errno != 0:
		err := os.NewSyscallError("read", in.errno)
		return &net.OpError{Op: "read", Net: "tcp", Source: in.conn.LocalAddr(), Addr: in.conn.RemoteAddr(), Err: err}
	case in.n == 0:
		return io.EOF
	}
	in.to += in.n
	return nil
}

const (
	// maxParked bounds what is put aside, as it has to be copied: a peer that begins
	// a message and does not go on has as much memory as it has sent.
	maxParked  = 32 << 10
	keptParked = 4 << 10 // that much stays for the next time
)

// park gives the buffer back while nothing comes.
func (in *socketBuf) park() {
	if in.buf == nil || in.to == 0 || in.to > maxParked {
		return
	}
	in.rest = append(in.rest[:0], in.buf[:in.to]...)
	in.giveBack()
}

// takeUp is the end of park.
func (in *socketBuf) takeUp() {
	if len(in.rest) == 0 {
		return
	}
	in.buf = in.buffers.get()
	in.from, in.to = 0, copy(in.buf[:], in.rest)
	if in.rest = in.rest[:0]; cap(in.rest) > keptParked {
		in.rest = nil
	}
}

// read returns false when it has to be called again, once there is something.
func (in *socketBuf) read(fd uintptr) bool {
	in.takeUp()
	if in.buf == nil {
		in.buf = in.buffers.get()
	}
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&in.buf[in.to])), uintptr(inbufSize-in.to))
		if errno == syscall.EINTR {
			continue
		}
		in.n, in.errno = int(n), errno
		if (errno != 0 || n == 0) && in.to == 0 {
			in.giveBack()
		}
		if errno == syscall.EAGAIN {
			in.park()
			return false
		}
		return true
	}
}
