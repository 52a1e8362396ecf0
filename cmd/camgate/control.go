package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/cmd/camgate/config"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/ingest/rendition"
	"github.com/camgate/camgate/ingest/rpicam"
	"github.com/camgate/camgate/web"
)

// controls are what can be changed of streams while they run, by name. It implements
// web.Controller.
type controls map[string]*control

// control is that of one stream.
type control struct {
	sources    *ingest.Supervisor // of what it comes from; nil: it is published, or made of another one
	supervisor *ingest.Supervisor // of what is made of that; nil: nothing is
	rendition  *rendition.Source  // nil: nothing is
	asked      bool               // see settingsOf
	first      *config.Video      // of the config
	devices    []adjustable
	askable    []*rpicam.Source // can be asked for something else while they run

	changing chan struct{} // held by the one who changes it

	mu       sync.Mutex
	video    *config.Video
	controls map[string]string // that were set
}

// adjustable is a source that is a device with controls.
type adjustable interface {
	SetControls(values map[string]string) error
}

// control returns that of a stream, which is made if there is none. It is for the
// time before the gateway serves.
func (a *app) control(name string) *control {
	c := a.controls[name]
	if c == nil {
		c = &control{changing: make(chan struct{}, 1), controls: map[string]string{}}
		a.controls[name] = c
	}
	return c
}

func (c *control) add(source camgate.Source) {
	if d, ok := source.(*rpicam.Source); ok {
		c.askable = append(c.askable, d)
	}
	if d, ok := source.(adjustable); ok {
		c.devices = append(c.devices, d)
	}
}

// Settings returns what can be changed of a stream.
func (cs controls) Settings(stream string) *web.Settings {
	c := cs[stream]
	if c == nil || c.sources == nil && c.supervisor == nil {
		return nil
	}
	out := &web.Settings{Enabled: c.switched()[0].Enabled()}
	if c.sources != nil {
		out.Sources, out.Source = c.sources.Sources(), any("auto")
		if picked := c.sources.Picked(); picked >= 0 {
			out.Source = picked
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rendition != nil {
		out.Video = c.video.Values()
	}
	if len(c.devices) > 0 {
		out.Controls = maps.Clone(c.controls)
	}
	return out
}

// switched are the supervisors that are switched on and off together.
func (c *control) switched() []*ingest.Supervisor {
	return slices.DeleteFunc([]*ingest.Supervisor{c.sources, c.supervisor}, func(s *ingest.Supervisor) bool { return s == nil })
}

// Change changes a stream, or says by which field it cannot.
func (cs controls) Change(ctx context.Context, stream string, change web.Change) error {
	c := cs[stream]
	if c == nil || len(c.switched()) == 0 {
		return bad("nothing can be changed of a stream that is published to")
	}
	select {
	case c.changing <- struct{}{}:
		defer func() { <-c.changing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	video, err := c.check(ctx, change)
	if err != nil {
		return err
	}
	// The device is asked first: it may refuse.
	for _, d := range c.devices {
		if len(change.Controls) == 0 {
			break
		}
		if err := d.SetControls(change.Controls); err != nil {
			return fmt.Errorf("controls: %w", err)
		}
	}
	c.mu.Lock()
	maps.Copy(c.controls, change.Controls)
	if video != nil {
		c.video = video
	}
	c.mu.Unlock()
	if video != nil {
		for _, camera := range c.askable {
			camera.Ask(requestOf(video))
		}
		c.rendition.Set(c.settings(video))
	}
	if change.Source != nil {
		c.sources.Pick(*change.Source)
	}
	if change.Enabled != nil {
		for _, s := range c.switched() {
			s.Enable(*change.Enabled)
		}
	}
	return nil
}

// check says what is wrong with a change, and what the picture is to be by it; nil: as
// it is.
func (c *control) check(ctx context.Context, change web.Change) (video *config.Video, err error) {
	if len(change.Video) > 0 {
		if c.rendition == nil {
			return nil, bad(`video: the stream is as its source sends it: give it "video" in the config to change that at run time`)
		}
		next, err := c.now().Change(change.Video)
		if err != nil {
			return nil, bad("%w", err)
		}
		video = &next
	}
	if change.Source != nil {
		if c.sources == nil {
			return nil, bad("source: a profile has none of its own: change the stream that it belongs to")
		}
		if n := len(c.sources.Sources()); *change.Source >= n {
			return nil, bad(`source: from 0 to %d, or "auto"`, n-1)
		}
	}
	if len(change.Controls) > 0 && len(c.devices) == 0 {
		return nil, bad("controls: the source is no camera of this machine")
	}
	if video != nil { // last, as it may take a trial
		if err := c.rendition.Check(ctx, c.settings(video)); err != nil {
			return nil, fmt.Errorf("video: %w", err)
		}
	}
	return video, nil
}

// now is what the picture has to be.
func (c *control) now() *config.Video {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.video
}

// settings are what a picture is to be for the rendition.
func (c *control) settings(v *config.Video) rendition.Settings {
	return settingsOf(v, c.asked && c.asks(v))
}

// asks tells whether the cameras of this machine are asked for a picture themselves, so
// that what they make is right as it comes; it is encoded anew where they are not. Some can
// be asked at any time, the others were at the beginning.
func (c *control) asks(now *config.Video) bool {
	first := c.first
	return len(c.askable) == len(c.devices) && len(c.askable) > 0 ||
		now.FPS == first.FPS && now.Bitrate == first.Bitrate && now.GOP == first.GOP && now.Quality == first.Quality
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{camgate.ErrBadRequest}, args...)...)
}
