package rtsp

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/camgate/camgate"
)

// tcpSink sends interleaved frames (RFC 2326 section 10.12). The frames are made
// once per stream; for a reader that numbers channels or packets in its own way,
// and for cached units, they are copied and corrected.
type tcpSink struct {
	conn    *conn
	timeout time.Duration
	stopped *atomic.Bool

	bufs    [][]byte
	sent    int     // how many of bufs are out
	bytes   int     // in the rest of them
	scratch scratch // corrected copies, which bufs points to
}

func (s *tcpSink) add(out *outTrack, u *camgate.Unit, shift uint32) {
	packets := u.Packets()
	wire := packets.Wire
	if len(wire) == 0 {
		return
	}
	seq := out.number(u)
	own := seq != u.FirstSeq() || wire[1] != out.channel
	if own || shift != 0 {
		s.scratch.always = s.scratch.always || own
		wire = s.correct(packets, out.channel, seq, shift)
	}
	s.bufs = append(s.bufs, wire)
	s.bytes += len(wire)
	out.sent(u, len(wire))
}

// correct copies a unit's frames with another channel, other sequence numbers and
// timestamps.
func (s *tcpSink) correct(p *camgate.Packets, channel byte, seq uint16, shift uint32) []byte {
	wire := s.scratch.add(p.Wire)
	for i, rest := 0, wire; i < p.Len(); i++ {
		frame := rest[:len(p.Framed(i))]
		rest = rest[len(frame):]
		frame[1] = channel
		correctRTP(frame[camgate.FrameHeader:], seq+uint16(i), shift)
	}
	return wire
}

// correctRTP sets the sequence number and shifts the timestamp (RFC 3550 section 5.1).
func correctRTP(packet []byte, seq uint16, shift uint32) {
	binary.BigEndian.PutUint16(packet[2:], seq)
	binary.BigEndian.PutUint32(packet[4:], binary.BigEndian.Uint32(packet[4:])+shift)
}

func (s *tcpSink) report(out *outTrack, compound []byte) {
	frame := make([]byte, camgate.FrameHeader, camgate.FrameHeader+len(compound))
	frame[0], frame[1] = '$', out.channel+1
	binary.BigEndian.PutUint16(frame[2:], uint16(len(compound)))
	s.bufs = append(s.bufs, append(frame, compound...))
	s.bytes += camgate.FrameHeader + len(compound)
}

// keepBufs is how many slots are kept for what leaves next.
const keepBufs = 8

func (s *tcpSink) pending() int { return s.bytes }

func (s *tcpSink) flush() error {
	if s.bytes == 0 {
		return nil
	}
	err := s.conn.send(s.bufs[s.sent:], s.timeout, s.stopped)
	s.flushed()
	return err
}

func (s *tcpSink) flushed() {
	clear(s.bufs) // they hold on to units
	s.bufs, s.sent, s.bytes = s.bufs[:0], 0, 0
	if cap(s.bufs) > keepBufs { // of the cached pictures
		s.bufs = nil
	}
	s.scratch.done()
}

func (s *tcpSink) try() (progress, error) {
	n, err := s.conn.trySend(s.bufs, s.stopped)
	if err != nil {
		return stuck, err
	}
	s.bytes -= n
	if s.bytes == 0 {
		s.flushed()
		return flushed, nil
	}
	for s.sent = 0; n >= len(s.bufs[s.sent]); s.sent++ {
		n -= len(s.bufs[s.sent])
	}
	s.bufs[s.sent] = s.bufs[s.sent][n:]
	return stuck, nil
}

func (s *tcpSink) parks() bool { return s.conn.file != nil }
