package camgate

import (
	"sync"
	"sync/atomic"
	"time"
)

// Unit is one access unit of one track. Fill it, hand it to Stream.Publish, and
// never write to it again: every reader gets the same pointer.
type Unit struct {
	Track *Track
	PTS   int64 // presentation time in ticks of Track.ClockRate, on the stream's clock

	// RandomAccess: decoding can start here (IDR or CRA picture, keyframe, any JPEG, any audio).
	RandomAccess bool
	// Discontinuity: something is missing between this Unit and the one before it.
	Discontinuity bool
	// Lost is the number of RTP packets known to be missing right before this Unit.
	Lost int

	// AU is the access unit: NAL units without start codes (H264, H265), one frame (VP8) or
	// superframe (VP9), OBUs without size fields (AV1), one JPEG file (MJPEG), one picture
	// (Raw), one frame or packet (AAC, Opus), samples (G711), or the RTP payloads of a codec
	// that is passed through.
	AU [][]byte
	// Memory is what AU lies in when it is to be used again; nil, as nearly always:
	// AU may be kept for as long as anybody likes.
	Memory Memory

	// NTP is the wall clock time of PTS, set by Publish. It comes from the stream's
	// clock for all tracks alike, so it is as good for lip sync as PTS is.
	NTP time.Time

	// Set by Publish.
	pos       uint64        // position in the ring
	published time.Duration // since the ring was made
	total     uint64        // cost of all Units published up to and including this one
	size      int           // bytes of AU
	seq       uint16        // RTP sequence number of the first packet
	count     int           // number of packets
	wire      int           // bytes of the packets with their frame headers
	ts        uint32        // RTP timestamp

	holders atomic.Int32 // of Memory, with the stream itself

	once    sync.Once
	packets Packets
}

// Memory is lent to a Unit whose bytes are too many to be left to the garbage
// collector picture by picture.
type Memory interface {
	// Free is called once, when the stream has dropped the Unit and nobody holds it. It
	// must not block. It may never be called, as when the stream ends.
	Free()
}

// Hold keeps the bytes of AU until Release; false: they are gone already, and the
// Unit is to be skipped. Who reads a stream of Raw needs it; for Units without
// Memory it does nothing.
func (u *Unit) Hold() bool {
	if u.Memory == nil {
		return true
	}
	for {
		n := u.holders.Load()
		if n == 0 {
			return false
		}
		if u.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release ends a Hold that succeeded.
func (u *Unit) Release() {
	if u.Memory != nil && u.holders.Add(-1) == 0 {
		u.Memory.Free()
	}
}

// Free is Release: a Unit is the Memory of one that shares its bytes on another stream.
func (u *Unit) Free() { u.Release() }

// Size returns the number of bytes of the access unit.
func (u *Unit) Size() int { return u.size }

// What a Unit and a piece of its access unit take up besides the bytes, roughly. A
// flood of tiny ones would otherwise pass under any bound.
const (
	unitCost  = 256
	pieceCost = 32
)

// cost returns what the Unit takes up in memory, in bytes, without its packets.
func (u *Unit) cost() int { return u.size + unitCost + pieceCost*len(u.AU) }

// Time returns the presentation time on the stream's clock.
func (u *Unit) Time() time.Duration { return u.Track.Duration(u.PTS) }

// FirstSeq returns the RTP sequence number of the unit's first packet.
func (u *Unit) FirstSeq() uint16 { return u.seq }

// PacketCount returns the number of RTP packets; it is known without making them.
func (u *Unit) PacketCount() int { return u.count }

// RTPTime returns the RTP timestamp of the unit's packets.
func (u *Unit) RTPTime() uint32 { return u.ts }

// Packets returns the unit as RTP. The first caller makes the packets, all others
// share them; nobody may write to them.
func (u *Unit) Packets() *Packets {
	u.once.Do(u.makePackets)
	return &u.packets
}

func (u *Unit) makePackets() {
	w := PacketWriter{
		header:  rtpHeader(u),
		channel: byte(2 * u.Track.ID),
		write:   true,
		wire:    make([]byte, 0, u.wire),
		ends:    make([]uint32, 0, u.count),
	}
	u.Track.Packetizer.Packetize(&w, u.AU)
	w.finish()
	u.packets = Packets{Wire: w.wire, ends: w.ends}
}
