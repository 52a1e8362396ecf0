package encode

import (
	"os"

	"github.com/camgate/camgate"
)

// pipe is the way to a child. Large pictures whose bytes stay what they are until they
// are released are not copied into it.
type pipe struct {
	file    *os.File
	written int64  // bytes, ever
	lent    []loan // those of which the child may not have read all
	copies  bool   // pages cannot be lent here
	release func() // of the picture that is being written; nil: its bytes are copied
	head    []byte // small pieces of that picture, which go with the next large one
}

type loan struct {
	end     int64 // of written
	release func()
	head    []byte // lent too
}

// minLoan is the size from which on lending pages is cheaper than a copy.
const minLoan = 64 << 10

// Write implements io.Writer. Small pieces of a picture that is lent wait for the large
// one behind them: the child wakes up once, when all is there, and does not have the
// pipe when we want it.
func (p *pipe) Write(b []byte) (int, error) {
	switch {
	case p.release == nil || p.copies:
		return p.copied(b)
	case len(b) < minLoan:
		p.head = append(p.head, b...)
		return len(b), nil
	}
	done, err := lend(p.file, p.head, b)
	if done || err != nil {
		p.written += int64(len(p.head) + len(b))
		p.lent = append(p.lent, loan{p.written, nil, p.head})
		p.head = nil
		return len(b), err
	}
	p.copies = true
	if err := p.flush(); err != nil {
		return 0, err
	}
	return p.copied(b)
}

func (p *pipe) copied(b []byte) (int, error) {
	n, err := send(p.file, b)
	p.written += int64(n)
	return n, err
}

// flush writes what waits for a large piece.
func (p *pipe) flush() error {
	head := p.head
	if p.head = nil; len(head) == 0 {
		return nil
	}
	_, err := p.copied(head)
	return err
}

// begin says that what is written from now on is a picture with this release.
func (p *pipe) begin(release func()) {
	p.settle()
	p.release = release
}

// finish ends the picture: its release is called when the child has read it.
func (p *pipe) finish() error {
	if p.release == nil {
		return nil
	}
	err := p.flush()
	p.lent = append(p.lent, loan{p.written, p.release, nil})
	p.release = nil
	if p.copies {
		p.settle()
	}
	return err
}

// settle releases what the child has read.
func (p *pipe) settle() {
	left, err := 0, error(nil)
	if len(p.lent) == 0 {
		return
	}
	if !p.copies {
		left, err = unread(p.file)
	}
	for err == nil && len(p.lent) > 0 && p.lent[0].end <= p.written-int64(left) {
		if release := p.lent[0].release; release != nil {
			release()
		}
		p.lent = append(p.lent[:0], p.lent[1:]...)
	}
}

// close releases everything: the child is gone, or has closed its end.
func (p *pipe) close() {
	for _, l := range p.lent {
		if l.release != nil {
			l.release()
		}
	}
	p.lent = nil
}

// pipeBytes is how much may wait in the pipe to a child. What waits is late, but raw
// pictures in small bites are many switches between the two.
func (s *Session) pipeBytes() int {
	if l, err := s.format.layout(); s.format.Codec == camgate.Raw && err == nil {
		const everybody = 1 << 20 // may ask for so much
		size := everybody
		for size < l.bytes+pipeSlack && size < maxPipe {
			size *= 2
		}
		return size
	}
	return 64 << 10
}

const (
	// pipeSlack is what a picture takes in a pipe besides its bytes: a page for what is
	// before it, and parts of its first and its last one.
	pipeSlack = 3 * 4096
	maxPipe   = 16 << 20
)
