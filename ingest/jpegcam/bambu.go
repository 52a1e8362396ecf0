package jpegcam

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// What follows is the video protocol of the A1 and P1 series as OpenBambuAPI
// describes it (github.com/Doridian/OpenBambuAPI, video.md): TLS, a packet that
// names user and access code, then pictures, each behind a header of 16 bytes. All
// integers are little-endian.
const (
	bambuPort   = "6000"
	bambuUser   = "bblp"
	bambuHeader = 16
	bambuField  = 32 // bytes of user and access code each
)

var errBambuCode = errors.New("the access code stands before the host, as the printer shows it: bambu://CODE@HOST")

// checkBambu finds the access code, which may also stand behind the user's name.
func (s *Source) checkBambu() error {
	if s.secret == "" {
		s.secret = s.user
	}
	if s.secret == "" || len(s.secret) > bambuField {
		return errBambuCode
	}
	return nil
}

// bambuLogin is the packet that a printer waits for.
func bambuLogin(code string) []byte {
	const kind = 0x3000
	b := make([]byte, bambuHeader+2*bambuField)
	binary.LittleEndian.PutUint32(b[0:], 2*bambuField)
	binary.LittleEndian.PutUint32(b[4:], kind)
	copy(b[bambuHeader:], bambuUser)
	copy(b[bambuHeader+bambuField:], code)
	return b
}

func (s *Source) runBambu(ctx context.Context, stream *camgate.Stream) error {
	conn, err := s.dialTLS(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Ends whatever waits below. It is over soon: closing does not wait for the printer.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetWriteDeadline(time.Now().Add(s.opts.Timeout))
	if _, err := conn.Write(bambuLogin(s.secret)); err != nil {
		return err
	}
	out, err := newSession(stream)
	if err != nil {
		return err
	}
	defer out.close()
	in := bambuReader{r: bufio.NewReaderSize(conn, readSize), max: s.opts.MaxPicture}
	for n := 0; ; n++ {
		_ = conn.SetReadDeadline(time.Now().Add(s.opts.Timeout))
		jpeg, err := in.next()
		switch {
		case n == 0 && in.read == 0 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
			return fmt.Errorf("%w: the printer ends the connection without a picture: look at the access code, and whether LAN live view is on", camgate.ErrAuthFailed)
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: the printer ended the stream", camgate.ErrConnectionFailed)
		case err != nil:
			return err
		}
		out.publish(picture{jpeg: jpeg})
	}
}

// bambuReader reads the pictures of a printer.
type bambuReader struct {
	r    io.Reader
	max  int // bytes of a picture
	read int // bytes of headers so far
}

// next returns the next picture. What is no JPEG file is left out.
func (b *bambuReader) next() ([]byte, error) {
	for {
		var header [bambuHeader]byte
		n, err := io.ReadFull(b.r, header[:])
		b.read += n
		if err != nil {
			return nil, err
		}
		size := binary.LittleEndian.Uint32(header[:])
		if size > uint32(b.max) {
			return nil, fmt.Errorf("%w: the printer sends something else than pictures, or one of %d bytes: the limit is %d", camgate.ErrUnsupportedCodec, size, b.max)
		}
		payload, err := io.ReadAll(io.LimitReader(b.r, int64(size)))
		if err != nil {
			return nil, err
		}
		if len(payload) < int(size) {
			return nil, io.ErrUnexpectedEOF
		}
		if isFile(payload) {
			return payload, nil
		}
	}
}

// isFile reports whether b is a whole JPEG file, with or without something behind it.
func isFile(b []byte) bool {
	if len(b) < len(soi) || string(b[:len(soi)]) != soi {
		return false
	}
	w := ingest.NewJPEGWalk()
	return w.Over(b) == ingest.JPEGEnd
}
