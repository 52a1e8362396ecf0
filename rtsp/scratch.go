package rtsp

import "sync"

const (
	// scratchSize is enough for what leaves at once, and a keyframe above it.
	scratchSize = batchBytes + 128<<10
	// keepScratch is how much a reader keeps whose every packet is corrected.
	keepScratch = 64 << 10
)

// scratchPool lends memory for corrected copies of packets. Most readers need some
// when they start, for the cached pictures, and never again.
type scratchPool struct{ pool sync.Pool }

// scratch is the memory of one sink.
type scratch struct {
	from   *scratchPool
	buf    []byte
	lent   *[]byte // what buf began as; nil: it is the sink's own
	always bool    // all units are corrected, not only the cached ones
}

// add copies b and returns the copy, which is valid until done.
func (s *scratch) add(b []byte) []byte {
	if s.buf == nil && !s.always {
		if s.lent, _ = s.from.pool.Get().(*[]byte); s.lent == nil {
			s.lent = new(make([]byte, 0, scratchSize))
		}
		s.buf = *s.lent
	}
	start := len(s.buf)
	s.buf = append(s.buf, b...)
	return s.buf[start:]
}

// done ends the use of all copies.
func (s *scratch) done() {
	if s.lent != nil {
		s.from.pool.Put(s.lent)
		s.buf, s.lent = nil, nil
		return
	}
	if s.buf = s.buf[:0]; cap(s.buf) > keepScratch {
		s.buf = nil
	}
}
