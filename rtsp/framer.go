package rtsp

import (
	"bytes"
	"strconv"
	"sync/atomic"
)

// framer hands what a peer sends to the library, message by message, and takes out
// media, which are interleaved frames (RFC 2326 section 10.12): those of the channels
// that are ours, as the library would allocate each packet and look it up in half a
// dozen maps, which cost more than all the rest of taking a stream; and of a camera
// those that come before they are welcome.
type framer struct {
	in    inbuf
	wait  func() error // waits for more of in
	left  int          // bytes of the present message that the library has yet to read
	begun bool
	taken bool // a frame was taken out since the library asked last

	media   atomic.Pointer[media]
	welcome *atomic.Bool // media of a camera are; nil: the peer is none
	plain   bool         // from now on all is the library's

	// paused: media have ended with an answer of ours. What the client had sent before
	// that reached it is left out: the library takes it for a breach of the protocol.
	paused atomic.Bool

	astray bool // bytes of a camera were left out that nobody knows; nothing is certain until something begins
}

// media says whose interleaved frames are ours.
type media struct {
	// frame takes an RTP packet, which is valid during the call, unless it returns false:
	// then the library has it. By channel.
	frame map[byte]func(packet []byte) bool
}

const interleaved = '$' // RFC 2326 section 10.12

// read is Read for the library.
func (f *framer) read(b []byte) (int, error) {
	for f.left == 0 && !f.plain {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	for len(f.in.unread()) == 0 {
		if err := f.wait(); err != nil {
			return 0, err
		}
	}
	if f.left > 0 {
		b = b[:min(len(b), f.left)]
	}
	n := copy(b, f.in.unread())
	f.in.discard(n)
	f.left = max(f.left-n, 0)
	return n, nil
}

// next looks at the message that follows, up to the first that is for the library.
func (f *framer) next() error {
	head, err := f.peek(4)
	if f.welcome != nil && f.welcome.Load() && f.media.Load() == nil {
		f.plain = true
		return err
	}
	if err != nil {
		// Less than four bytes, and nothing behind them: the library shall see them.
		if f.left = len(head); f.left > 0 {
			return nil
		}
		return err
	}
	if !f.begun && f.welcome == nil {
		f.begun = true
		if s := string(head[:4]); s == "GET " || s == "POST" {
			return errTunnel
		}
	}
	switch {
	case head[0] == interleaved:
		if f.astray {
			plausible, err := f.plausible(head[1])
			if err != nil {
				return err
			}
			if f.astray = !plausible; f.astray {
				f.in.discard(1)
				return nil
			}
		}
		return f.interleaved(head)
	case head[0] >= 'A' && head[0] <= 'Z' && (f.welcome == nil || begins(string(head[:4]))):
		f.astray = false
		f.left, err = f.text()
		return err
	case f.welcome != nil:
		// The library takes two letters for a message, and ends the session.
		f.astray = true
		f.in.discard(1)
		return nil
	default:
		f.left = 1 // the library looks for the next beginning, byte by byte
		return nil
	}
}

func (f *framer) interleaved(head []byte) error {
	channel, size := head[1], 4+(int(head[2])<<8|int(head[3]))
	var take func([]byte) bool
	welcome := f.welcome == nil || f.welcome.Load()
	if m := f.media.Load(); m != nil && welcome {
		take = m.frame[channel]
	}
	if take == nil && welcome && !f.paused.Load() {
		f.left = size
		return nil
	}
	b, err := f.peek(size)
	if err != nil {
		return err
	}
	if take != nil && !take(b[4:size]) {
		f.left = size
		return nil
	}
	f.in.discard(size)
	f.taken = f.taken || take != nil
	return nil
}

// plausible tells whether what looks like a frame among bytes that nobody knows is one: of
// a channel of ours, or the one after it, with an RTP or RTCP packet in it.
func (f *framer) plausible(channel byte) (bool, error) {
	m := f.media.Load()
	if m == nil {
		return true, nil
	}
	if m.frame[channel] == nil && m.frame[channel-1] == nil {
		return false, nil
	}
	head, err := f.peek(5)
	return len(head) >= 5 && head[4]>>6 == 2, err
}

// begins tells whether a message of a camera begins so. Some send other bytes between
// their media, and what follows these is not to be taken for one.
func begins(head string) bool {
	switch head {
	case "RTSP", "ANNO", "DESC", "GET_", "OPTI", "PAUS", "PLAY", "REDI", "SET_", "SETU", "TEAR":
		return true
	}
	return false
}

// text returns the length of an RTSP message: up to an empty line, and the body
// that its header tells of. What has no end within the buffer is the library's to
// refuse.
func (f *framer) text() (int, error) {
	for {
		b := f.in.unread()
		if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
			return end + 4 + contentLength(b[:end]), nil
		}
		if len(b) >= maxHeader {
			return len(b), nil
		}
		if err := f.wait(); err != nil {
			return len(b), nil //nolint:nilerr // the library reads what is there, and then the error
		}
	}
}

// maxHeader bounds the header of a message in bytes.
const maxHeader = 32 << 10

// contentLength is that of a header; 0: there is none, or none that can be believed.
func contentLength(head []byte) int {
	for line := range bytes.Lines(head) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(key), []byte("Content-Length")) {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 24)
			if err == nil {
				return int(n)
			}
		}
	}
	return 0
}

// peek returns at least n bytes without taking them away. With an error it returns
// what there is.
func (f *framer) peek(n int) ([]byte, error) {
	for len(f.in.unread()) < n {
		if err := f.wait(); err != nil {
			return f.in.unread(), err
		}
	}
	return f.in.unread(), nil
}
