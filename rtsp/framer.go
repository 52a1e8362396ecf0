package rtsp

import (
	"bytes"
	"sync/atomic"
)

// framer hands what a peer sends to the library, message by message, and takes out
// the media of a publisher: interleaved frames (RFC 2326 section 10.12) of the
// channels that are ours. The library would allocate each packet and look it up in
// half a dozen maps, which cost more than all the rest of taking a stream.
type framer struct {
	in    inbuf
	wait  func() error // waits for more of in
	left  int          // bytes of the present message that the library has yet to read
	begun bool
	taken bool // a frame was taken out since the library asked last

	media atomic.Pointer[media]
}

// media says whose interleaved frames are ours.
type media struct {
	// frame takes an RTP packet, which is valid during the call. By channel.
	frame map[byte]func(packet []byte)
}

const interleaved = '$' // RFC 2326 section 10.12

// read is Read for the library.
func (f *framer) read(b []byte) (int, error) {
	for f.left == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	for len(f.in.unread()) == 0 {
		if err := f.wait(); err != nil {
			return 0, err
		}
	}
	n := copy(b[:min(len(b), f.left)], f.in.unread())
	f.in.discard(n)
	f.left -= n
	return n, nil
}

// next looks at the message that follows, up to the first that is for the library.
func (f *framer) next() error {
	head, err := f.peek(4)
	if err != nil {
		// Less than four bytes, and nothing behind them: the library shall see them.
		if f.left = len(head); f.left > 0 {
			return nil
		}
		return err
	}
	if !f.begun {
		f.begun = true
		if s := string(head[:4]); s == "GET " || s == "POST" {
			return errTunnel
		}
	}
	switch {
	case head[0] == interleaved:
		return f.interleaved(head)
	case head[0] >= 'A' && head[0] <= 'Z':
		f.left, err = f.text()
		return err
	default:
		f.left = 1 // the library looks for the next beginning, byte by byte
		return nil
	}
}

func (f *framer) interleaved(head []byte) error {
	channel, size := head[1], 4+(int(head[2])<<8|int(head[3]))
	m := f.media.Load()
	if m == nil || m.frame[channel] == nil {
		f.left = size
		return nil
	}
	b, err := f.peek(size)
	if err != nil {
		return err
	}
	m.frame[channel](b[4:size])
	f.in.discard(size)
	f.taken = true
	return nil
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
