package rpicam

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/camgate/camgate"
)

// errChanged ends a run whose settings are those of yesterday.
var errChanged = errors.New("the camera is asked for something else")

// Request is what a camera is asked for, as in Options.
type Request struct {
	Width, Height int
	FPS           float64
	Bitrate       int
	GOP           time.Duration
	Quality       int
}

// Ask has the camera give something else from now on. Its program can be told only when
// it begins: it is run anew, for which there are no pictures for a second or so.
func (s *Source) Ask(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r != s.request {
		s.request = r
		s.change()
	}
}

// SetControls changes controls by name; "default" takes one back. The program is run
// anew, as with Ask. It fails with ErrBadRequest, and nothing is changed then.
func (s *Source) SetControls(values map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[string]string{}
	maps.Copy(next, s.setting)
	maps.Copy(next, values)
	maps.DeleteFunc(next, func(_, value string) bool { return value == "default" })
	if wrong := Check(next); len(wrong) > 0 {
		return fmt.Errorf("%w: %w", camgate.ErrBadRequest, wrong[0])
	}
	if !maps.Equal(next, s.setting) {
		s.setting = next
		s.change()
	}
	return nil
}

// change tells Run; mu is held.
func (s *Source) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// wanted returns the options as they are now, and what is closed when they change.
func (s *Source) wanted() (Options, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, r := s.opts, s.request
	o.Width, o.Height, o.FPS, o.Bitrate, o.GOP, o.Quality, o.Controls = r.Width, r.Height, r.FPS, r.Bitrate, r.GOP, r.Quality, s.setting
	return o, s.changed
}
