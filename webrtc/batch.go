package webrtc

import (
	"net"
	"sync"

	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate/egress/burst"
)

const (
	// batchBytes and batchPackets bound a batch; larger pictures take several.
	batchBytes   = 64 << 10
	batchPackets = 64
	// packetRoom is the most that one packet needs: RTP header, payload, SRTP tag.
	packetRoom = 1500
)

// batch is packets on their way to one viewer, encrypted, one behind the other. It is filled and sent by one goroutine.
type batch struct {
	buf     []byte
	packets [][]byte
	writer  *burst.Writer         // nil: there is no UDP
	library pion.TrackLocalWriter // has to encrypt and send the packets; nil: they are encrypted

	// For viewers by TCP.
	lengths [batchPackets][2]byte
	frames  net.Buffers
}

// batchPool lends batches: only viewers that are sending just now need one.
type batchPool struct{ pool sync.Pool }

func newBatchPool(s *burst.Socket) *batchPool {
	return &batchPool{sync.Pool{New: func() any {
		b := &batch{buf: make([]byte, 0, batchBytes), packets: make([][]byte, 0, batchPackets)}
		if s != nil {
			b.writer = s.NewWriter()
		}
		return b
	}}}
}

func (p *batchPool) get() *batch { return p.pool.Get().(*batch) }

func (p *batchPool) put(b *batch) {
	b.reset()
	p.pool.Put(b)
}

func (b *batch) reset() { b.buf, b.packets, b.library = b.buf[:0], b.packets[:0], nil }

// full reports whether there is no room for another packet.
func (b *batch) full() bool {
	return len(b.packets) == batchPackets || len(b.buf)+packetRoom > batchBytes
}

func (b *batch) empty() bool { return len(b.packets) == 0 }

// room is where the next packet is to be made; commit appends its first n bytes.
func (b *batch) room() []byte {
	return b.buf[len(b.buf) : len(b.buf)+packetRoom : len(b.buf)+packetRoom]
}

func (b *batch) commit(n int) {
	start := len(b.buf)
	b.buf = b.buf[:start+n]
	b.packets = append(b.packets, b.buf[start:])
}
