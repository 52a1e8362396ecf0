package jpegcam

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

const (
	// readSize is how much is asked of the network at a time.
	readSize = 32 << 10
	// maxSkip bounds what may stand between two pictures, and before the first one.
	maxSkip = 64 << 10
)

// soi begins a JPEG file, eoi ends it (ITU-T T.81, B.1.1.3); a marker follows soi.
const (
	soi = "\xff\xd8\xff"
	eoi = "\xff\xd9"
)

// picture is a JPEG file as a camera sends it.
type picture struct {
	jpeg  []byte
	stamp time.Duration // X-Timestamp; 0: none
}

// splitter finds the pictures in what a camera sends. It reads the JPEG files
// themselves, so that one is complete with its last byte, whatever the headers
// between them say or leave out; of these it takes the length only for files
// without an end, and for what cameras put behind one.
type splitter struct {
	r   io.Reader
	max int // bytes of a picture
	// delimiter begins the line between two parts; empty: not known yet.
	delimiter string
	// whole: the end of the input ends a picture, too.
	whole bool

	buf      []byte
	from, to int // of what is read and not used yet
	rest     int // bytes of the part that are still to come
	err      error
	part     part
}

// part is what the header of a part tells.
type part struct {
	length int // of the part; 0: not known
	stamp  time.Duration
}

var errNoPicture = errors.New("no picture in what the camera sends")

// next returns the next picture, and io.EOF after the last one.
func (s *splitter) next() (picture, error) {
	for skipped := 0; ; {
		data := s.buf[s.from:s.to]
		begin := -1
		if s.rest == 0 {
			begin = bytes.Index(data, []byte(soi))
		}
		line := bytes.IndexByte(data, '\n') + 1
		var used int
		switch {
		case begin >= 0 && (line == 0 || begin < line):
			s.from += begin
			p, err := s.picture()
			if err != nil || p.jpeg != nil {
				return p, err
			}
			continue // broken: look for the next one
		case line > 0:
			s.line(data[:line])
			used = line
		case s.rest > 0 && len(data) >= s.rest:
			used = s.rest
		case len(data) > maxSkip || s.err != nil && len(data) > 0:
			used = len(data)
			if s.err == nil {
				used -= len(soi) - 1 // it may begin there
			}
		default:
			if err := s.fill(); err != nil {
				return picture{}, err
			}
			continue
		}
		if s.rest > 0 {
			used = min(used, s.rest)
			s.rest -= used
			s.from += used
			continue
		}
		s.from += used
		if skipped += used; skipped > maxSkip {
			return picture{}, fmt.Errorf("%w: %w: nothing but %d bytes of something else", camgate.ErrNoVideoTrack, errNoPicture, skipped)
		}
	}
}

// line reads a line that stands between pictures: the delimiter of parts or a field
// of a part's header (RFC 2046 section 5.1).
func (s *splitter) line(b []byte) {
	text := string(bytes.TrimRight(b, "\r\n"))
	if strings.HasPrefix(text, "--") && len(text) > 2 && len(text) < maxDelimiter {
		if s.rest > 0 && (s.delimiter == "" || !strings.Contains(text, s.delimiter)) {
			return
		}
		if s.delimiter == "" {
			s.delimiter = text
		}
		s.rest, s.part = 0, part{}
		return
	}
	if s.rest > 0 {
		return
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "content-length":
		if n, err := strconv.Atoi(value); err == nil && n > len(soi) && n <= s.max {
			s.part.length = n
		}
	case "x-timestamp":
		s.part.stamp = parseStamp(value)
	}
}

// maxDelimiter bounds a delimiter; RFC 2046 allows 70 characters.
const maxDelimiter = 256

// picture reads the file that begins where the input is. It returns none, and goes on
// behind its beginning, when that is no JPEG.
func (s *splitter) picture() (picture, error) {
	w := ingest.NewJPEGWalk()
	for {
		data := s.buf[s.from:s.to]
		result := w.Over(data)
		if w.At() > s.max {
			return picture{}, fmt.Errorf("%w: a picture of more than %d bytes", camgate.ErrUnsupportedCodec, s.max)
		}
		switch result {
		case ingest.JPEGEnd:
			return s.take(w.At()), nil
		case ingest.JPEGRestarts: // the next one begins: this one has no end
			s.part.length = 0
			return s.take(s.before(data[:w.At()])), nil
		case ingest.JPEGBroken:
			s.rest = max(s.part.length-len(soi), 0)
			s.from += len(soi)
			s.part = part{}
			return picture{}, nil
		case ingest.JPEGOn:
		}
		if n := s.part.length; n > 0 && w.InScan() && len(data) > n && delimited(data[n:]) {
			return s.take(n), nil
		}
		if err := s.fill(); err != nil {
			if s.whole && err == io.EOF && w.InScan() {
				return s.take(len(data)), nil
			}
			return picture{}, err
		}
	}
}

// delimited reports whether b is the line between two parts.
func delimited(b []byte) bool {
	b = bytes.TrimLeft(b, "\r\n")
	return len(b) > 2 && b[0] == '-' && b[1] == '-'
}

// before returns how much of b stands before the delimiter.
func (s *splitter) before(b []byte) int {
	if s.delimiter != "" {
		if i := bytes.LastIndex(b, []byte(s.delimiter)); i > 0 {
			return len(bytes.TrimRight(b[:i], "\r\n-"))
		}
	}
	return len(b)
}

// take returns a picture of n bytes, with an end if it has none, and goes on behind it.
func (s *splitter) take(n int) picture {
	data := s.buf[s.from : s.from+n]
	jpeg := make([]byte, n, n+len(eoi))
	copy(jpeg, data)
	if !bytes.HasSuffix(jpeg, []byte(eoi)) {
		jpeg = append(jpeg, eoi...)
	}
	p := picture{jpeg, s.part.stamp}
	s.rest = max(s.part.length-n, 0)
	s.from += n
	s.part = part{}
	return p
}

// fill reads more. It returns the error of the input when that has ended.
func (s *splitter) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.from > 0 {
		s.to = copy(s.buf, s.buf[s.from:s.to])
		s.from = 0
	}
	if len(s.buf)-s.to < readSize {
		grown := make([]byte, max(2*len(s.buf), 2*readSize))
		s.to = copy(grown, s.buf[:s.to])
		s.buf = grown
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.to:])
		s.to += n
		s.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.err = io.ErrNoProgress
	return s.err
}
