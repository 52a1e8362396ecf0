package unpack

import "sync"

// Pool lends memory in which access units are put together. Nearly always a whole
// one comes at once, so that many cameras share a few buffers.
type Pool struct{ pool sync.Pool }

const (
	auSize = 64 << 10 // what a buffer begins with
	keepAU = 1 << 20  // larger ones are not kept
)

func (p *Pool) get() []byte {
	if p == nil {
		return nil
	}
	if b, ok := p.pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, auSize)
}

func (p *Pool) put(b []byte) {
	if p != nil && b != nil && cap(b) <= keepAU {
		p.pool.Put(&b)
	}
}
