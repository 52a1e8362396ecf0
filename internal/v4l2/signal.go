package v4l2

import (
	"errors"
	"syscall"
	"unsafe"
)

// Signal is what the input of a device lacks.
type Signal struct {
	Index uint32 // of the input
	Input string
	// Problem is why there is no picture, in words; empty: there is a signal, or the
	// device does not tell.
	Problem string
}

// Signal asks for the state of the input that is chosen.
func (d *Device) Signal() (Signal, error) {
	var index int32
	if err := d.try(vidiocGInput, unsafe.Pointer(&index)); ends(err) {
		return Signal{}, nil
	} else if err != nil {
		return Signal{}, &opError{"read the input", d.path, err}
	}
	in := input{index: uint32(index)}
	switch err := d.try(vidiocEnumInput, unsafe.Pointer(&in)); {
	case ends(err):
		return Signal{}, nil
	case err != nil:
		return Signal{}, &opError{"read the input's state", d.path, err}
	}
	s := Signal{Index: uint32(index), Input: text(in.name[:])}
	const noPower, noSignal, noHLock, noSync, noAccess = 0x1, 0x2, 0x100, 0x10000, 0x02000000
	switch {
	case in.status&noPower != 0:
		s.Problem = "what is attached to it has no power"
	case in.status&noSignal != 0:
		s.Problem = "it has no signal"
	case in.status&(noHLock|noSync) != 0:
		s.Problem = "it cannot lock on to its signal"
	case in.status&noAccess != 0:
		s.Problem = "it refuses access to what it gets"
	}
	return s, nil
}

// dvTimings are those of a digital signal (struct v4l2_dv_timings). Nothing in them
// is read here.
type dvTimings struct {
	typ  uint32
	data [32]uint32
}

// NTSC tells whether the device is set to a TV standard of 525 lines, the only ones in
// which the lower half of a picture is the older one.
func (d *Device) NTSC() bool {
	const lines525 = 0xf900 // V4L2_STD_525_60
	var set uint64
	return d.tells(vidiocGStd, unsafe.Pointer(&set)) && set&lines525 != 0
}

// Follow has the device take pictures as its input gets them: the timings of HDMI and
// the like, the TV standard of an analogue one. Devices do not do that by themselves,
// and so give nothing, or torn pictures. It does nothing where there is no signal (see
// Signal) and where the device has no such thing; EBUSY: somebody else has it.
func (d *Device) Follow() error {
	var is, now dvTimings
	if d.tells(vidiocQueryTimings, unsafe.Pointer(&is)) {
		if d.tells(vidiocGTimings, unsafe.Pointer(&now)) && is == now {
			return nil
		}
		return d.follow(vidiocSTimings, unsafe.Pointer(&is))
	}
	// One bit for each standard; what is received may fit several.
	var found, set uint64
	if !d.tells(vidiocQueryStd, unsafe.Pointer(&found)) || found == 0 {
		return nil
	}
	if d.tells(vidiocGStd, unsafe.Pointer(&set)) && set&found != 0 {
		return nil
	}
	return d.follow(vidiocSStd, unsafe.Pointer(&found))
}

func (d *Device) follow(request uintptr, arg unsafe.Pointer) error {
	if err := d.try(request, arg); errors.Is(err, syscall.EBUSY) {
		return &opError{"follow the signal", d.path, err}
	}
	return nil // else it goes on as it is, and Signal may tell why
}

// tells asks a device for what it need not have, or need not know now.
func (d *Device) tells(request uintptr, arg unsafe.Pointer) bool { return d.try(request, arg) == nil }
