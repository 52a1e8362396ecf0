package v4l2

import (
	"fmt"
	"unsafe"
)

// Bounds on lists, for drivers that do not end theirs.
const (
	maxFormats = 256
	maxSizes   = 256
	maxRates   = 64
)

// FormatInfo is a pixel format that a device has.
type FormatInfo struct {
	Pixels      FourCC
	Description string
	Compressed  bool
	Emulated    bool // made by a program, not by the device
}

// Formats lists the pixel formats of a side.
func (d *Device) Formats(t BufType) ([]FormatInfo, error) {
	var out []FormatInfo
	for i := range uint32(maxFormats) {
		f := fmtdesc{index: i, typ: uint32(t)}
		if err := d.try(vidiocEnumFmt, unsafe.Pointer(&f)); ends(err) {
			break
		} else if err != nil {
			return out, &opError{"list formats", d.path, err}
		}
		const compressed, emulated = 1, 2
		out = append(out, FormatInfo{f.pixels, text(f.description[:]), f.flags&compressed != 0, f.flags&emulated != 0})
	}
	return out, nil
}

// FrameSize is a size in pixels that a device has for a format, or a range of them
// where Min and Max differ.
type FrameSize struct {
	MinWidth, MaxWidth, StepWidth    int
	MinHeight, MaxHeight, StepHeight int
}

// Discrete tells whether it is one size.
func (s FrameSize) Discrete() bool { return s.MinWidth == s.MaxWidth && s.MinHeight == s.MaxHeight }

// Nearest returns the size that is nearest to a wanted one.
func (s FrameSize) Nearest(width, height int) (int, int) {
	return nearest(width, s.MinWidth, s.MaxWidth, s.StepWidth), nearest(height, s.MinHeight, s.MaxHeight, s.StepHeight)
}

func nearest(want, low, high, step int) int {
	want = min(max(want, low), high)
	if step > 1 {
		want = low + (want-low+step/2)/step*step
		if want > high {
			want -= step
		}
	}
	return want
}

const discrete = 1

// FrameSizes lists the sizes of a format. Drivers need not have this list.
func (d *Device) FrameSizes(f FourCC) ([]FrameSize, error) {
	var out []FrameSize
	for i := range uint32(maxSizes) {
		s := frmsizeenum{index: i, pixels: f}
		if err := d.try(vidiocEnumSizes, unsafe.Pointer(&s)); ends(err) {
			break
		} else if err != nil {
			return out, &opError{"list sizes", d.path, err}
		}
		n := s.size
		if s.typ != discrete {
			return []FrameSize{{int(n[0]), int(n[1]), int(n[2]), int(n[3]), int(n[4]), int(n[5])}}, nil
		}
		out = append(out, FrameSize{int(n[0]), int(n[0]), 0, int(n[1]), int(n[1]), 0})
	}
	return out, nil
}

// Fraction is a time in seconds, as devices write it.
type Fraction struct{ Numerator, Denominator uint32 }

// FPS is how many of them there are in a second; 0 where it is no time.
func (f Fraction) FPS() float64 {
	if f.Numerator == 0 {
		return 0
	}
	return float64(f.Denominator) / float64(f.Numerator)
}

// FrameInterval is the time from one picture to the next, or a range of such times
// where Min and Max differ. Min means the highest rate.
type FrameInterval struct{ Min, Max, Step Fraction }

// Discrete tells whether it is one interval.
func (i FrameInterval) Discrete() bool { return i.Min == i.Max }

// FrameIntervals lists the intervals at a size. Drivers need not have this list.
func (d *Device) FrameIntervals(f FourCC, width, height int) ([]FrameInterval, error) {
	var out []FrameInterval
	for i := range uint32(maxRates) {
		r := frmivalenum{index: i, pixels: f, width: uint32(width), height: uint32(height)}
		if err := d.try(vidiocEnumRates, unsafe.Pointer(&r)); ends(err) {
			break
		} else if err != nil {
			return out, &opError{"list intervals", d.path, err}
		}
		if r.typ != discrete {
			return []FrameInterval{{r.interval[0], r.interval[1], r.interval[2]}}, nil
		}
		out = append(out, FrameInterval{Min: r.interval[0], Max: r.interval[0]})
	}
	return out, nil
}

// Format is how pictures lie in buffers.
type Format struct {
	Pixels        FourCC
	Width, Height int
	// Planes in memory of their own: one in the single-planar API.
	Planes []PlaneFormat
	// Field is how interlaced pictures lie in buffers; FieldAny: as FieldNone.
	Field Field

	colorspace uint32
}

// Field says how the halves of interlaced pictures lie in buffers (V4L2_FIELD).
type Field uint32

// The orders that matter here; the others are halves without each other.
const (
	FieldAny          Field = 0
	FieldNone         Field = 1 // they are whole
	FieldInterlaced   Field = 4 // line by line, in the order of the TV standard
	FieldInterlacedTB Field = 8 // line by line, the half of the top line is the older one
	FieldInterlacedBT Field = 9
)

// PlaneFormat is the layout of one plane.
type PlaneFormat struct {
	Stride int // bytes from one line to the next; 0 for compressed formats
	Size   int // bytes of a buffer
}

// Format returns what a side is set to.
func (d *Device) Format(t BufType) (Format, error) {
	f := format{typ: uint32(t)}
	if err := d.do("read the format", vidiocGFmt, unsafe.Pointer(&f)); err != nil {
		return Format{}, err
	}
	return f.read(t), nil
}

// SetFormat sets a side as near to f as the device can, and returns what it is now.
// It fails with EBUSY where somebody else has the device.
func (d *Device) SetFormat(t BufType, f Format) (Format, error) {
	raw := formatOf(t, f)
	if err := d.do(fmt.Sprintf("set the format %s %dx%d", f.Pixels, f.Width, f.Height), vidiocSFmt, unsafe.Pointer(&raw)); err != nil {
		return Format{}, err
	}
	return raw.read(t), nil
}

// TryFormat returns what SetFormat would, and changes nothing.
func (d *Device) TryFormat(t BufType, f Format) (Format, error) {
	raw := formatOf(t, f)
	if err := d.do("try the format", vidiocTryFmt, unsafe.Pointer(&raw)); err != nil {
		return Format{}, err
	}
	return raw.read(t), nil
}

func formatOf(t BufType, f Format) format {
	raw := format{typ: uint32(t)}
	field := uint32(f.Field)
	if f.Field == FieldAny {
		field = uint32(FieldNone)
	}
	if t.MultiPlanar() {
		p := (*pixFormatMP)(unsafe.Pointer(&raw.raw))
		p.width, p.height, p.pixels, p.field, p.colorspace = uint32(f.Width), uint32(f.Height), f.Pixels, field, f.colorspace
		p.count = uint8(min(len(f.Planes), maxPlanes))
		for i := range p.count {
			p.planes[i] = planePixFormat{sizeImage: uint32(f.Planes[i].Size), bytesPerLine: uint32(f.Planes[i].Stride)}
		}
		return raw
	}
	p := (*pixFormat)(unsafe.Pointer(&raw.raw))
	p.width, p.height, p.pixels, p.field, p.colorspace = uint32(f.Width), uint32(f.Height), f.Pixels, field, f.colorspace
	if len(f.Planes) > 0 {
		p.sizeImage, p.bytesPerLine = uint32(f.Planes[0].Size), uint32(f.Planes[0].Stride)
	}
	return raw
}

func (f *format) read(t BufType) Format {
	if t.MultiPlanar() {
		p := (*pixFormatMP)(unsafe.Pointer(&f.raw))
		out := Format{Pixels: p.pixels, Width: int(p.width), Height: int(p.height), colorspace: p.colorspace, Field: Field(p.field)}
		for i := range min(p.count, maxPlanes) {
			out.Planes = append(out.Planes, PlaneFormat{int(p.planes[i].bytesPerLine), int(p.planes[i].sizeImage)})
		}
		return out
	}
	p := (*pixFormat)(unsafe.Pointer(&f.raw))
	return Format{
		Pixels: p.pixels, Width: int(p.width), Height: int(p.height), colorspace: p.colorspace, Field: Field(p.field),
		Planes: []PlaneFormat{{int(p.bytesPerLine), int(p.sizeImage)}},
	}
}

const capTimePerFrame = 0x1000

// SetInterval sets the time from one picture to the next as near to f as the device
// can, and returns what it is now; the zero Fraction where the device has no such thing.
func (d *Device) SetInterval(t BufType, f Fraction) (Fraction, error) {
	p := streamparm{typ: uint32(t), interval: f}
	if err := d.try(vidiocSParm, unsafe.Pointer(&p)); ends(err) {
		return Fraction{}, nil
	} else if err != nil {
		return Fraction{}, &opError{"set the interval", d.path, err}
	}
	return p.interval, nil
}

// Interval returns the time from one picture to the next; the zero Fraction where the
// device has no such thing.
func (d *Device) Interval(t BufType) (Fraction, error) {
	p := streamparm{typ: uint32(t)}
	if err := d.try(vidiocGParm, unsafe.Pointer(&p)); ends(err) {
		return Fraction{}, nil
	} else if err != nil {
		return Fraction{}, &opError{"read the interval", d.path, err}
	}
	if t == Capture || t == CaptureMPlane {
		if p.capability&capTimePerFrame == 0 {
			return Fraction{}, nil
		}
	}
	return p.interval, nil
}
