package rtsp

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/unpack"
)

// inlet takes the packets of one incoming track to the stream. It is used by one
// goroutine at a time: the one in which the library delivers the track's packets.
type inlet struct {
	writer *ingest.Writer
	track  int // index in the writer's tracks
	d      unpack.Depacketizer
	log    *slog.Logger

	begun bool
	ssrc  uint32
	next  uint16 // sequence number that is to follow
	lost  int    // packets missing since the last access unit

	units  atomic.Int64          // access units that were put together
	broken atomic.Pointer[error] // what was wrong with packets last

	told    time.Time // when damage was last told of
	missing int       // packets lost since then
	damaged int       // packets or access units left out since then
}

func newInlet(w *ingest.Writer, index int, in input, memory *unpack.Pool, log *slog.Logger) *inlet {
	return &inlet{writer: w, track: index, d: newDepacketizer(in.format, in.track, memory), log: log.With("track", index)}
}

// packet takes one packet. Without a known time it only counts: that is the case
// until decoding can begin.
func (in *inlet) packet(pkt *rtp.Packet, pts int64, timed bool) {
	in.count(pkt)
	if !timed {
		in.lost = 0
		return
	}
	err := in.d.Push(pkt, pts, func(au [][]byte, pts int64, key bool) {
		in.units.Add(1)
		sample := ingest.Sample{Track: in.track, PTS: pts, AU: au, Lost: in.lost, RandomAccess: key}
		in.lost = 0
		if err := in.writer.Write(sample); err != nil {
			in.complain(0, err)
		}
	})
	if err != nil {
		in.broken.Store(&err)
		in.complain(0, err)
	}
}

// count follows the sequence numbers (RFC 3550 section 5.1).
func (in *inlet) count(pkt *rtp.Packet) {
	switch gap := pkt.SequenceNumber - in.next; {
	case !in.begun || pkt.SSRC != in.ssrc:
		if in.begun {
			in.d.Reset()
		}
		in.begun, in.ssrc = true, pkt.SSRC
	case gap == 0:
	case gap < 1<<15:
		in.lost += int(gap)
		in.complain(int(gap), nil)
	default: // the sender began anew, or sent a packet twice
		in.d.Reset()
	}
	in.next = pkt.SequenceNumber + 1
}

// complaintInterval is how often damage is told of at the most.
const complaintInterval = 10 * time.Second

func (in *inlet) complain(missing int, err error) {
	in.missing += missing
	if err != nil {
		in.damaged++
	}
	now := time.Now()
	if now.Sub(in.told) < complaintInterval {
		return
	}
	args := []any{"packets_lost", in.missing, "left_out", in.damaged}
	if err != nil {
		args = append(args, "err", err)
	}
	in.log.Warn("the stream arrives damaged", args...)
	in.told, in.missing, in.damaged = now, 0, 0
}
