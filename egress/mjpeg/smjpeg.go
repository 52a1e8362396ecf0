package mjpeg

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxPicture bounds a JPEG in bytes.
const maxPicture = 8 << 20

// errNotSMJPEG says that the decoder writes something that we do not understand.
var errNotSMJPEG = errors.New("not an SMJPEG stream")

// smjpeg reads the JPEGs that the decoder writes. Of the containers for JPEG it
// knows, SMJPEG is the simplest with a timestamp and a length for each picture: a
// header ("\0\nSMJPEG", version, length, chunks up to "HEND"), then chunks of
// "vidD", timestamp in ms, size, picture; all numbers of 32 bits, big-endian.
type smjpeg struct {
	r       *bufio.Reader
	started bool
}

func newSMJPEG(r io.Reader) *smjpeg { return &smjpeg{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next picture and its timestamp in ms, or io.EOF.
func (s *smjpeg) next() (picture []byte, at uint32, err error) {
	if !s.started {
		if err := s.header(); err != nil {
			return nil, 0, err
		}
		s.started = true
	}
	for {
		var b [12]byte // kind, timestamp, size
		if _, err := io.ReadFull(s.r, b[:4]); err != nil {
			return nil, 0, err
		}
		if string(b[:4]) == "DONE" {
			return nil, 0, io.EOF
		}
		if _, err := io.ReadFull(s.r, b[4:]); err != nil {
			return nil, 0, unexpected(err)
		}
		size := binary.BigEndian.Uint32(b[8:])
		switch {
		case string(b[:4]) != "vidD" && string(b[:4]) != "sndD":
			return nil, 0, fmt.Errorf("%w: chunk %q", errNotSMJPEG, b[:4])
		case size > maxPicture:
			return nil, 0, fmt.Errorf("%w: chunk of %d bytes, the limit is %d", errNotSMJPEG, size, maxPicture)
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(s.r, data); err != nil {
			return nil, 0, unexpected(err)
		}
		if b[0] == 'v' {
			return data, binary.BigEndian.Uint32(b[4:]), nil
		}
	}
}

func (s *smjpeg) header() error {
	const magic, maxHeader = "\x00\nSMJPEG", 64 << 10
	var b [16]byte
	if _, err := io.ReadFull(s.r, b[:]); err != nil {
		return err // io.EOF: not one picture
	}
	if string(b[:len(magic)]) != magic {
		return fmt.Errorf("%w: it begins with %q", errNotSMJPEG, b[:len(magic)])
	}
	for total := 0; ; {
		if _, err := io.ReadFull(s.r, b[:4]); err != nil {
			return unexpected(err)
		}
		if string(b[:4]) == "HEND" {
			return nil
		}
		if _, err := io.ReadFull(s.r, b[4:8]); err != nil {
			return unexpected(err)
		}
		size := binary.BigEndian.Uint32(b[4:])
		if total += int(min(size, maxHeader)) + 8; total > maxHeader {
			return fmt.Errorf("%w: a header of more than %d bytes", errNotSMJPEG, maxHeader)
		}
		if _, err := s.r.Discard(int(size)); err != nil {
			return unexpected(err)
		}
	}
}

// unexpected is for an end in the middle of something.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
