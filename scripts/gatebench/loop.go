package main

import (
	"encoding/binary"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// port is one socket of the epoll loop.
type port struct {
	fd   int
	udp  bool
	flow *flow
	buf  []byte // TCP only
	n    int
	rtp  func(t int64, p []byte)            // may be nil
	raw  func(t int64, p []byte, sa []byte) // UDP: sees all datagrams instead
	drop bool                               // count nothing (RTCP sockets)
	dead bool
}

type loop struct {
	ep       int
	mu       sync.Mutex
	ports    map[int]*port
	coalesce time.Duration // sleep between passes: spares wake-ups on both sides
	quit     atomic.Bool
	done     chan struct{}
}

func newLoop(coalesce time.Duration) (*loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &loop{ep: ep, ports: map[int]*port{}, coalesce: coalesce, done: make(chan struct{})}
	go l.run()
	return l, nil
}

func (l *loop) add(p *port) error {
	if !p.udp && p.buf == nil {
		p.buf = make([]byte, 192<<10)
	}
	_ = unix.SetNonblock(p.fd, true)
	l.mu.Lock()
	l.ports[p.fd] = p
	l.mu.Unlock()
	return unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, p.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.fd)})
}

func (l *loop) remove(p *port) {
	_ = unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, p.fd, nil)
	l.mu.Lock()
	delete(l.ports, p.fd)
	l.mu.Unlock()
}

// snapshot runs fn while the loop is between two passes.
func (l *loop) snapshot(fn func()) { l.mu.Lock(); fn(); l.mu.Unlock() }

func (l *loop) close() {
	l.quit.Store(true)
	<-l.done
	for fd := range l.ports {
		unix.Close(fd)
	}
	unix.Close(l.ep)
}

const batch = 64

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

type batcher struct {
	msgs [batch]mmsghdr
	iovs [batch]unix.Iovec
	sas  [batch]unix.RawSockaddrInet4
	bufs [batch][2048]byte
}

func (b *batcher) recv(fd int) int {
	for i := range b.msgs {
		b.iovs[i] = unix.Iovec{Base: &b.bufs[i][0], Len: 2048}
		b.msgs[i].hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&b.sas[i])), Namelen: unix.SizeofSockaddrInet4, Iov: &b.iovs[i], Iovlen: 1}
	}
	n, _, e := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.msgs[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

func (l *loop) run() {
	runtime.LockOSThread()
	defer close(l.done)
	var evs [256]unix.EpollEvent
	b := &batcher{}
	for !l.quit.Load() {
		n, err := unix.EpollWait(l.ep, evs[:], 100)
		if err != nil && err != unix.EINTR {
			return
		}
		t := now()
		l.mu.Lock()
		for i := 0; i < n; i++ {
			p := l.ports[int(evs[i].Fd)]
			if p == nil {
				continue
			}
			if p.udp {
				for {
					m := b.recv(p.fd)
					for j := 0; j < m; j++ {
						pkt := b.bufs[j][:b.msgs[j].n]
						switch {
						case p.drop:
						case p.raw != nil:
							sa := &b.sas[j]
							p.raw(t, pkt, []byte{sa.Addr[0], sa.Addr[1], sa.Addr[2], sa.Addr[3], byte(sa.Port), byte(sa.Port >> 8)})
						default:
							p.flow.add(pkt)
							if p.rtp != nil {
								p.rtp(t, pkt)
							}
						}
					}
					if m < batch {
						break
					}
				}
				continue
			}
			l.tcp(p, t)
		}
		l.mu.Unlock()
		if l.coalesce > 0 {
			ts := unix.NsecToTimespec(int64(l.coalesce))
			_ = unix.Nanosleep(&ts, nil)
		}
	}
}

func (l *loop) tcp(p *port, t int64) {
	for {
		n, err := unix.Read(p.fd, p.buf[p.n:])
		if n <= 0 {
			if err != unix.EAGAIN && err != unix.EINTR {
				p.dead = true
				_ = unix.EpollCtl(l.ep, unix.EPOLL_CTL_DEL, p.fd, nil)
			}
			return
		}
		full := n == len(p.buf)-p.n
		p.n += n
		if p.drop {
			p.n = 0
		} else {
			p.parse(t)
		}
		if !full {
			return
		}
	}
}

// parse consumes interleaved frames, and skips RTSP answers between them.
func (p *port) parse(t int64) {
	b := p.buf[:p.n]
	for len(b) > 0 {
		if b[0] != '$' {
			i := strings.Index(string(b[:min(len(b), 4096)]), "\r\n\r\n")
			if i < 0 {
				break
			}
			head, skip := string(b[:i]), 0
			for _, line := range strings.Split(head, "\r\n") {
				if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, "content-length") {
					skip, _ = strconv.Atoi(strings.TrimSpace(v))
				}
			}
			if len(b) < i+4+skip {
				break
			}
			b = b[i+4+skip:]
			continue
		}
		if len(b) < 4 {
			break
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			break
		}
		if b[1] == 0 {
			p.flow.add(b[4 : 4+n])
			if p.rtp != nil {
				p.rtp(t, b[4:4+n])
			}
		}
		b = b[4+n:]
	}
	p.n = copy(p.buf, b)
}
