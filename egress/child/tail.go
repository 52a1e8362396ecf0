package child

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
	"unicode"
)

const (
	tailLines = 6
	tailLine  = 240 // bytes of a line that are kept
)

// tail keeps the last lines of what a child writes to its standard error.
type tail struct {
	mu    sync.Mutex
	lines []string
}

// read takes lines until r ends. It never stops reading before, so the child
// cannot block on it.
func (t *tail) read(r io.Reader) {
	b := bufio.NewReaderSize(r, tailLine)
	for {
		line, err := b.ReadSlice('\n')
		t.add(string(line))
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a long line
			_, err = b.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
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
