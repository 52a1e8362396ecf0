package rtsp

import "github.com/camgate/camgate"

// sink sends what a playback has gathered to its reader.
type sink interface {
	// add takes a unit of one of the reader's tracks; shift is added to its
	// timestamps. Nothing is sent yet.
	add(out *outTrack, u *camgate.Unit, shift uint32)
	// report takes a compound RTCP packet for one of the tracks.
	report(out *outTrack, compound []byte)
	// pending returns how many bytes were taken and not sent.
	pending() int
	// flush sends all of it, in order.
	flush() error
	// try is flush for a goroutine that must not wait.
	try() (progress, error)
	// parks reports whether try works at all.
	parks() bool
}

// progress is how far try has come.
type progress int

const (
	flushed progress = iota // all is out
	paused                  // the rest may leave after udpPause
	stuck                   // the reader takes nothing now: flush has to go on
)

func (p *playback) newSink() sink {
	server := p.server()
	if p.session.udp() {
		return newUDPSink(server.udp, &server.scratch, &p.stopped)
	}
	return &tcpSink{
		conn: p.conn, timeout: server.opts.ReaderTimeout, stopped: &p.stopped,
		scratch: scratch{from: &server.scratch},
	}
}
