package pipe

import (
	"fmt"
	"time"

	"github.com/camgate/camgate"
)

const (
	// maxUnit bounds an access unit in bytes; it is that of ingest.Writer, too.
	maxUnit = 8 << 20
	// maxGarbage bounds what may come in front of the first access unit, and between two.
	maxGarbage = 1 << 20
	// minSpace is how much is asked of the pipe at a time, at least.
	minSpace = 64 << 10
)

// window is what was read and is not used yet.
type window struct {
	buf      []byte
	from, to int
	now      time.Time // when the newest of it came
}

// space is where to read the next bytes to.
func (w *window) space() []byte {
	switch used := w.to - w.from; {
	case used == 0:
		w.from, w.to = 0, 0
	case w.from > 0 && len(w.buf)-w.to < minSpace:
		w.to = copy(w.buf, w.buf[w.from:w.to])
		w.from = 0
	}
	if len(w.buf)-w.to < minSpace {
		grown := make([]byte, max(2*len(w.buf), 4*minSpace))
		w.to = copy(grown, w.buf[w.from:w.to])
		w.from, w.buf = 0, grown
	}
	return w.buf[w.to:]
}

// add takes n bytes that came now.
func (w *window) add(n int, now time.Time) { w.to, w.now = w.to+n, now }

func (w *window) bytes() []byte { return w.buf[w.from:w.to] }

// skip drops n bytes.
func (w *window) skip(n int) { w.from += n }

// unit is an access unit with the time of its first byte.
type unit struct {
	au      [][]byte
	at      time.Time
	damaged bool // something is missing before it
}

// splitter finds the access units in a window.
type splitter interface {
	// next returns the next complete access unit; one without any au when more has to
	// come first.
	next() (unit, error)
	// pending reports whether what is there may be a complete access unit of which only
	// the beginning of the next one could tell.
	pending() bool
	// flush takes it for complete.
	flush() unit
}

func errTooLarge(c camgate.Codec) error {
	return fmt.Errorf("%w: %s picture of more than %d MiB", camgate.ErrUnsupportedCodec, c, maxUnit>>20)
}

func errGarbage(what string) error {
	return fmt.Errorf("%w: %d KiB of something that is no %s", camgate.ErrUnsupportedCodec, maxGarbage>>10, what)
}
