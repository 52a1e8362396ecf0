package camera

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/internal/v4l2"
)

// prepare sets the device as it is wanted, and notes where it is not.
func (c *capture) prepare() error {
	var ok bool
	if c.side, ok = c.dev.Capability().Camera(); !ok {
		return fmt.Errorf("%w: %s (%s) gives no pictures of its own", camgate.ErrNoVideoTrack, c.dev.Path(), c.dev.Capability().Card)
	}
	if err := c.dev.Follow(); err != nil {
		return err
	}
	offers, err := offersOf(c.dev, c.side)
	if err != nil {
		return err
	}
	o := c.source.opts
	wanted, err := ParseFormat(o.Format)
	if err != nil {
		return err
	}
	width, height := o.Width, o.Height
	if width <= 0 || height <= 0 {
		width, height = defaultWidth, defaultHeight
	}
	choice, ok := pick(offers, wanted, width, height)
	if !ok {
		return fmt.Errorf("%w: %s has no format that is wanted (%s): it has %s", camgate.ErrUnsupportedCodec, c.dev.Path(), formatName(o.Format), namesOf(offers))
	}
	c.setControls()
	f, err := c.dev.SetFormat(c.side, v4l2.Format{Pixels: choice.pixels, Width: choice.width, Height: choice.height})
	if err != nil {
		return err
	}
	if f.Pixels != choice.pixels {
		return fmt.Errorf("%w: %s gives %s in place of %s", camgate.ErrUnsupportedCodec, c.dev.Path(), f.Pixels, choice.pixels)
	}
	c.format, c.codec = f, codecOf(f.Pixels)
	if o.Width > 0 && (f.Width != o.Width || f.Height != o.Height) {
		c.note("format", fmt.Sprintf("the camera gives %dx%d, as it has no %dx%d in %s", f.Width, f.Height, o.Width, o.Height, f.Pixels))
	}
	c.interlaced()
	signal, signalErr := c.dev.Signal()
	// Some tell of a change of the input that is chosen, others of one that is 0 always.
	for _, id := range slices.Compact([]uint32{0, signal.Index}) {
		if _, err := c.dev.Subscribe(v4l2.EventSourceChange, id); err != nil {
			return err
		}
	}
	if signalErr == nil && signal.Problem != "" {
		c.note("signal", fmt.Sprintf("the input %q: %s", signal.Input, signal.Problem))
	}
	c.key, _ = c.dev.FindControl(v4l2.CtrlForceKeyframe)
	return nil
}

// interlaced finds out whether pictures were taken by halves, and in which order. Raw ones
// are made whole by whoever encodes them.
func (c *capture) interlaced() {
	switch c.format.Field {
	case v4l2.FieldAny, v4l2.FieldNone:
		return
	case v4l2.FieldInterlacedTB:
		c.fields = "tff"
	case v4l2.FieldInterlacedBT:
		c.fields = "bff"
	case v4l2.FieldInterlaced:
		if c.fields = "tff"; c.dev.NTSC() {
			c.fields = "bff"
		}
	default:
		c.note("fields", "the device gives its pictures by halves, one after the other, which are shown as they come")
		return
	}
	if c.codec != camgate.Raw {
		c.note("fields", "the pictures are interlaced, and go through as they are: what moves has combs at its edges in most players. With format: raw they are made whole")
	}
}

func formatName(s string) string {
	if s == "" {
		return "auto"
	}
	return strings.ToLower(s)
}

// describe sets the rate, and makes the track.
func (c *capture) describe() error {
	f, wanted := c.format, c.source.opts.FPS
	fps := wanted
	if fps <= 0 {
		fps = defaultFPS
	}
	list, err := c.dev.FrameIntervals(f.Pixels, f.Width, f.Height)
	if err != nil {
		return err
	}
	now, err := c.dev.SetInterval(c.side, pickInterval(list, fps))
	if err != nil && !errors.Is(err, syscall.EBUSY) { // as it is, then
		return err
	}
	got := now.FPS()
	if wanted > 0 && got > 0 && math.Abs(got-wanted) > wanted/50 {
		text := fmt.Sprintf("the camera gives %.4g pictures a second, as it has no %.4g at %dx%d in %s", got, wanted, f.Width, f.Height, f.Pixels)
		if c.notes["format"] != "" {
			text = c.notes["format"] + "; " + text
		}
		c.note("format", text)
	}
	c.compress(got)
	p := &camgate.Params{Width: f.Width, Height: f.Height, FPS: got}
	switch c.codec {
	case camgate.MJPEG:
		c.jpegs, p.Profile = newJPEGs(), "JPEG"
	case camgate.Raw:
		if c.raw, err = newRawPictures(f); err != nil {
			return err
		}
		p.Pixels, p.Stride, p.Fields = c.raw.layout.name, c.raw.stride, c.fields
	}
	c.track, err = ingest.NewTrack(camgate.TrackOptions{Codec: c.codec, Params: p})
	return err
}

// compress tells a camera that compresses how much.
func (c *capture) compress(fps float64) {
	if c.codec != camgate.H264 && c.codec != camgate.H265 {
		return
	}
	o := c.source.opts
	var missing []string
	for _, set := range []struct {
		name  string
		id    uint32
		value int64
	}{
		{"bitrate", v4l2.CtrlBitrate, int64(o.Bitrate)},
		{"gop", v4l2.CtrlGOPSize, int64(math.Round(o.GOP.Seconds() * fps))},
	} {
		if set.value <= 0 {
			continue
		}
		control, ok := c.dev.FindControl(set.id)
		if !ok || c.dev.SetControl(&control, min(max(set.value, control.Min), control.Max)) != nil {
			missing = append(missing, set.name)
		}
	}
	if len(missing) > 0 {
		c.note("bitrate", fmt.Sprintf("the camera compresses itself and cannot be told the %s: see its controls, or give the stream a profile with it, which is encoded anew", strings.Join(missing, " and the ")))
	}
}
