package child

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	tailLines = 6
	tailLine  = 240 // bytes of a line that are kept
	// floodBytes are read in floodTime at the most: a program that says more in it has to
	// wait, as to read all of it would take a whole processor.
	floodBytes = 256 << 10
	floodTime  = 250 * time.Millisecond
)

// tail keeps the last lines of what a child writes to its standard error.
type tail struct {
	listen func(line string) // nil: nobody does

	mu    sync.Mutex
	lines []string
}

// read takes lines until r ends. It never stops reading before, so the child
// cannot block on it for long.
func (t *tail) read(r io.Reader) {
	b := bufio.NewReaderSize(&dam{Reader: r}, tailLine)
	for {
		line, err := b.ReadSlice('\n')
		text := string(line)
		if t.listen != nil {
			t.listen(text)
		}
		t.add(text)
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a long line
			_, err = b.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

// dam holds a flood back.
type dam struct {
	io.Reader
	began time.Time
	taken int // since then
}

func (d *dam) Read(b []byte) (int, error) {
	if d.taken >= floodBytes {
		time.Sleep(floodTime - time.Since(d.began))
		d.taken = 0
	}
	if d.taken == 0 {
		d.began = time.Now()
	}
	n, err := d.Reader.Read(b)
	d.taken += n
	return n, err
}

func (t *tail) add(line string) {
	line = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(line, "?"))
	if line = strings.TrimSpace(line); line == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.lines); n > 0 && t.lines[n-1] == line {
		return
	}
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, line)
}

// String returns the lines as one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "; ")
}
