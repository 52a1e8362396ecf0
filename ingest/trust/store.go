package trust

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Store remembers the certificates that were trusted on first use: a file with a line
// for each address,
//
//	host:port SHA-256 date
//
// which people may read and edit while the gateway runs. Lines that begin with # are
// comments. Several gateways, and camgate probe, can use one folder: each reads the file
// again before it adds a line, with a lock that the others wait for.
type Store struct {
	dir string
	// One writer at a time. Nobody who waits for it holds anything else, and
	// connections to cameras are all that does.
	mu sync.Mutex
}

// Known is a certificate that is remembered.
type Known struct {
	Address string
	Pin     Pin
	Since   time.Time
}

const (
	storeFile = "known_certificates"
	maxStore  = 4 << 20 // bytes
	storeHead = "# The certificates of cameras with trust_on_first_use. Remove a line to accept another certificate of that camera.\n"
)

// NewStore makes a store in a folder, which is made when there is something to store.
func NewStore(dir string) *Store { return &Store{dir: dir} }

// Path is the file.
func (s *Store) Path() string { return filepath.Join(s.dir, storeFile) }

// Lookup returns what is remembered of an address (host:port). A file that cannot be
// read, or makes no sense, is an error: it could hide that something is remembered.
func (s *Store) Lookup(address string) (k Known, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, k, found, err = s.read(address)
	return k, found, err
}

// Remember adds an address, unless it is there already: then it returns what is there.
func (s *Store) Remember(address string, pin Pin, now time.Time) (Known, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock()
	if err != nil {
		return Known{}, cannotRemember(err)
	}
	defer unlock()
	data, known, found, err := s.read(address)
	if err != nil || found {
		return known, err
	}
	if len(data) == 0 {
		data = []byte(storeHead)
	} else if data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	k := Known{Address: storeKey(address), Pin: pin, Since: now.UTC().Truncate(time.Second)}
	data = fmt.Appendf(data, "%s %s %s\n", k.Address, k.Pin, k.Since.Format(time.RFC3339))
	if err := s.write(data); err != nil {
		return k, cannotRemember(err)
	}
	return k, nil
}

func cannotRemember(err error) error {
	return fmt.Errorf("the certificate cannot be remembered: %w: the config's state_dir has to be a folder that camgate can write to", err)
}

// lock keeps other programs from writing, until unlock is called.
func (s *Store) lock() (unlock func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	return lock(s.dir) // as the file itself is replaced
}

func storeKey(address string) string { return strings.ToLower(address) }

// read returns the whole file, and the line of an address.
func (s *Store) read(address string) (data []byte, k Known, found bool, err error) {
	data, err = os.ReadFile(s.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Known{}, false, nil
	case err != nil:
		return nil, Known{}, false, err
	case len(data) > maxStore:
		return nil, Known{}, false, fmt.Errorf("%s is larger than %d MiB", s.Path(), maxStore>>20)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		known, err := parseKnown(line)
		if err != nil {
			return nil, Known{}, false, fmt.Errorf("%s:%d: %w", s.Path(), n, err)
		}
		if known.Address == storeKey(address) && !found {
			k, found = known, true
		}
	}
	return data, k, found, lines.Err()
}

func parseKnown(line string) (Known, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return Known{}, errors.New("a line has an address, a SHA-256 and a date, with spaces between them")
	}
	pin, err := ParsePin(fields[1])
	if err != nil {
		return Known{}, err
	}
	since, err := time.Parse(time.RFC3339, fields[2])
	if err != nil {
		return Known{}, errors.New("the third field is no date as in 2026-01-31T12:00:00Z")
	}
	return Known{Address: storeKey(fields[0]), Pin: pin, Since: since}, nil
}

// write replaces the file at once, so that nobody sees half of it.
func (s *Store) write(data []byte) error {
	f, err := os.CreateTemp(s.dir, storeFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails once it has its name
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), s.Path())
}
