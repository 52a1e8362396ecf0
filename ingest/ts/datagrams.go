package ts

import (
	"io"
	"net"
	"time"
)

const (
	syncByte = 0x47 // begins a packet (2.4.3.2)
	nullPID  = 0x1fff
	datagram = 64 << 10 // bytes, at the most
)

// datagrams gives out the packets in the datagrams of a connection, and counts what
// is missing between them.
type datagrams struct {
	conn io.Reader // one datagram a Read
	// timeout ends a Read that nothing comes to; 0: it waits.
	timeout time.Duration
	err     error // of conn

	buf  []byte
	rest []byte
	next map[uint16]byte // the continuity counter (2.4.3.3) that is due, by PID
	lost map[uint16]int  // gaps since it was asked for, by PID
}

func newDatagrams(conn io.Reader, timeout time.Duration) *datagrams {
	return &datagrams{conn: conn, timeout: timeout, buf: make([]byte, datagram), next: map[uint16]byte{}, lost: map[uint16]int{}}
}

// Read returns whole packets, as many as fit.
func (d *datagrams) Read(b []byte) (int, error) {
	for len(d.rest) == 0 {
		if udp, ok := d.conn.(*net.UDPConn); ok && d.timeout > 0 {
			_ = udp.SetReadDeadline(time.Now().Add(d.timeout))
		}
		n, err := d.conn.Read(d.buf)
		if err != nil {
			d.err = err
			return 0, err
		}
		d.rest = packets(d.buf[:n])
		d.count(d.rest)
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// packets returns the packets in a datagram, in place. They may be in RTP (RFC 2250
// section 2).
func packets(b []byte) []byte {
	const header = 12
	if len(b) > header && b[0] != syncByte && b[0]>>6 == 2 {
		n := header + 4*int(b[0]&15) // with its sources
		if b[0]&0x10 != 0 && len(b) >= n+4 {
			n += 4 + 4*(int(b[n+2])<<8|int(b[n+3])) // and its extension
		}
		b = b[min(n, len(b)):]
	}
	whole := b[:0]
	for ; len(b) >= Packet && b[0] == syncByte; b = b[Packet:] {
		whole = whole[:len(whole)+Packet]
	}
	return whole
}

// count notes gaps in the continuity counters.
func (d *datagrams) count(b []byte) {
	for ; len(b) >= Packet; b = b[Packet:] {
		pid := uint16(b[1]&0x1f)<<8 | uint16(b[2])
		hasPayload, hasField := b[3]&0x10 != 0, b[3]&0x20 != 0
		counter := b[3] & 15
		if pid == nullPID || !hasPayload {
			continue
		}
		due, known := d.next[pid]
		announced := hasField && b[4] > 0 && b[5]&0x80 != 0 // discontinuity_indicator
		if known && counter != due && counter != (due-1)&15 && !announced {
			d.lost[pid]++
		}
		d.next[pid] = (counter + 1) & 15
	}
}

// gaps returns, and forgets, how many were seen on a PID.
func (d *datagrams) gaps(pid uint16) int {
	n := d.lost[pid]
	if n > 0 {
		delete(d.lost, pid)
	}
	return n
}
