package camera

import (
	"errors"
	"fmt"
	"os"

	"github.com/camgate/camgate/internal/v4l2"
)

// Device is a camera of this machine, as people and programs are told of it.
type Device struct {
	Path     string    `json:"path"`
	Name     string    `json:"name"`
	Driver   string    `json:"driver"`
	Bus      string    `json:"bus"`
	Serial   string    `json:"serial,omitempty"`
	Links    []string  `json:"links"` // other paths, which stay when it is plugged in again
	Formats  []Format  `json:"formats"`
	Controls []Control `json:"controls"`
	Holders  []Holder  `json:"holders"`          // who has it open
	Signal   string    `json:"signal,omitempty"` // what its input lacks
	Err      string    `json:"error,omitempty"`  // why no more is known
}

// Format is a format of a camera.
type Format struct {
	Name        string `json:"name"` // YUYV, MJPG ...
	Description string `json:"description"`
	Codec       string `json:"codec"` // H264, H265, MJPEG, Raw; empty: camgate does not take it
	Sizes       []Size `json:"sizes"`
}

// Size is one at which a camera gives pictures, or a range of them.
type Size struct {
	Width     int       `json:"width"`
	Height    int       `json:"height"`
	MaxWidth  int       `json:"max_width,omitempty"` // of a range, whose least is Width
	MaxHeight int       `json:"max_height,omitempty"`
	FPS       []float64 `json:"fps"` // rates; of a range, the least and the most
}

// Devices lists the cameras of this machine.
func Devices() []Device { return thisHost().devices() }

func (h host) devices() []Device {
	out := []Device{}
	for _, n := range h.nodes() {
		if d, ok := h.examine(n); ok {
			out = append(out, d)
		}
	}
	return out
}

// examine asks a device for all that it tells; false: it is no camera.
func (h host) examine(n node) (Device, bool) {
	d := Device{Path: n.path, Name: n.name, Serial: n.serial, Links: []string{}, Formats: []Format{}, Controls: []Control{}, Holders: []Holder{}}
	d.Links = append(d.Links, h.links(n.path)...)
	dev, err := v4l2.Open(n.path)
	if err != nil {
		d.Err = h.explain(n.path, err).Error()
		return d, !errors.Is(err, os.ErrNotExist)
	}
	defer dev.Close()
	c := dev.Capability()
	side, ok := c.Camera()
	if !ok {
		return d, false
	}
	d.Name, d.Driver, d.Bus = c.Card, c.Driver, c.Bus
	d.Holders = append(d.Holders, h.holders(n.path)...)
	if signal, err := dev.Signal(); err == nil && signal.Problem != "" {
		d.Signal = fmt.Sprintf("the input %q: %s", signal.Input, signal.Problem)
	}
	formats, err := dev.Formats(side)
	if err != nil {
		d.Err = h.explain(n.path, err).Error()
	}
	for _, f := range formats {
		d.Formats = append(d.Formats, formatInfo(dev, f))
	}
	controls, _ := dev.Controls() // what there is
	for i := range controls {
		d.Controls = append(d.Controls, controlOf(&controls[i]))
	}
	return d, true
}

func formatInfo(dev *v4l2.Device, f v4l2.FormatInfo) Format {
	out := Format{Name: f.Pixels.String(), Description: f.Description, Sizes: []Size{}}
	if _, raw := layouts[f.Pixels]; raw || codecs[f.Pixels] != "" {
		out.Codec = string(codecOf(f.Pixels))
	}
	sizes, _ := dev.FrameSizes(f.Pixels)
	for _, s := range sizes {
		size := Size{Width: s.MinWidth, Height: s.MinHeight, FPS: []float64{}}
		if !s.Discrete() {
			size.MaxWidth, size.MaxHeight = s.MaxWidth, s.MaxHeight
		}
		rates, _ := dev.FrameIntervals(f.Pixels, s.MaxWidth, s.MaxHeight)
		for _, r := range rates {
			if !r.Discrete() {
				size.FPS = append(size.FPS, r.Max.FPS())
			}
			size.FPS = append(size.FPS, r.Min.FPS())
		}
		out.Sizes = append(out.Sizes, size)
	}
	return out
}
