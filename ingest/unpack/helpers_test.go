package unpack

import (
	"testing"

	"github.com/pion/rtp"
)

// collected is an access unit as a depacketizer emits it.
type collected struct {
	AU  [][]byte
	PTS int64
	Key bool
}

func collect(t *testing.T, d Depacketizer, pkts ...*rtp.Packet) (out []collected, failed int) {
	t.Helper()
	for _, pkt := range pkts {
		err := d.Push(pkt, int64(pkt.Timestamp), func(au [][]byte, pts int64, key bool) {
			out = append(out, collected{au, pts, key})
		})
		if err != nil {
			failed++
		}
	}
	return out, failed
}

func pkt(seq uint16, ts uint32, marker bool, payload ...byte) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts, Marker: marker}, Payload: payload}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%250) + 5
	}
	return b
}
