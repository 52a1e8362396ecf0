package encode

import "os"

// pipe is the way to a child. Large pictures whose bytes stay what they are until they
// are released are not copied into it.
type pipe struct {
	file    *os.File
	written int64  // bytes, ever
	lent    []loan // those of which the child may not have read all
	copies  bool   // pages cannot be lent here
	release func() // of the picture that is being written; nil: its bytes are copied
}

type loan struct {
	end     int64 // of written
	release func()
}

// minLoan is the size from which on lending pages is cheaper than a copy.
const minLoan = 64 << 10

// Write implements io.Writer.
func (p *pipe) Write(b []byte) (int, error) {
	if p.release != nil && !p.copies && len(b) >= minLoan {
		done, err := lend(p.file, b)
		if done || err != nil {
			p.written += int64(len(b))
			return len(b), err
		}
		p.copies = true
	}
	n, err := p.file.Write(b)
	p.written += int64(n)
	return n, err
}

// begin says that what is written from now on is a picture with this release.
func (p *pipe) begin(release func()) {
	p.settle()
	p.release = release
}

// finish ends the picture: its release is called when the child has read it.
func (p *pipe) finish() {
	if p.release == nil {
		return
	}
	p.lent = append(p.lent, loan{p.written, p.release})
	p.release = nil
	if p.copies {
		p.settle()
	}
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
		p.lent[0].release()
		p.lent = append(p.lent[:0], p.lent[1:]...)
	}
}

// close releases everything: the child is gone, or has closed its end.
func (p *pipe) close() {
	for _, l := range p.lent {
		l.release()
	}
	p.lent = nil
}
