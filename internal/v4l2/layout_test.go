package v4l2

import (
	"runtime"
	"testing"
	"unsafe"
)

// The kernel knows a request by the size of its structure: these tables are those of
// linux/videodev2.h for each kind of machine. The test is worth running on each of
// them (see scripts/test-arm.sh).
func TestLayout(t *testing.T) {
	machine := 0 // 64 bits
	switch runtime.GOARCH {
	case "arm":
		machine = 1
	case "386":
		machine = 2
	}
	var (
		b buffer
		p plane
		x extControls
		e event
		i input
		f format
		q queryExtCtrl
		m pixFormatMP
		c extControl
		s streamparm
	)
	tests := []struct {
		name string
		got  uintptr
		want [3]uintptr // 64 bits, arm, 386
	}{
		{"capability", unsafe.Sizeof(capability{}), [3]uintptr{104, 104, 104}},
		{"capability.device", unsafe.Offsetof(capability{}.device), [3]uintptr{88, 88, 88}},
		{"fmtdesc", unsafe.Sizeof(fmtdesc{}), [3]uintptr{64, 64, 64}},
		{"fmtdesc.pixels", unsafe.Offsetof(fmtdesc{}.pixels), [3]uintptr{44, 44, 44}},
		{"frmsizeenum", unsafe.Sizeof(frmsizeenum{}), [3]uintptr{44, 44, 44}},
		{"frmsizeenum.size", unsafe.Offsetof(frmsizeenum{}.size), [3]uintptr{12, 12, 12}},
		{"frmivalenum", unsafe.Sizeof(frmivalenum{}), [3]uintptr{52, 52, 52}},
		{"frmivalenum.interval", unsafe.Offsetof(frmivalenum{}.interval), [3]uintptr{20, 20, 20}},
		{"pixFormat", unsafe.Sizeof(pixFormat{}), [3]uintptr{48, 48, 48}},
		{"planePixFormat", unsafe.Sizeof(planePixFormat{}), [3]uintptr{20, 20, 20}},
		{"pixFormatMP", unsafe.Sizeof(m), [3]uintptr{192, 192, 192}},
		{"pixFormatMP.planes", unsafe.Offsetof(m.planes), [3]uintptr{20, 20, 20}},
		{"pixFormatMP.count", unsafe.Offsetof(m.count), [3]uintptr{180, 180, 180}},
		{"streamparm", unsafe.Sizeof(s), [3]uintptr{204, 204, 204}},
		{"streamparm.interval", unsafe.Offsetof(s.interval), [3]uintptr{12, 12, 12}},
		{"requestbuffers", unsafe.Sizeof(requestbuffers{}), [3]uintptr{20, 20, 20}},
		{"queryExtCtrl", unsafe.Sizeof(q), [3]uintptr{232, 232, 232}},
		{"queryExtCtrl.minimum", unsafe.Offsetof(q.minimum), [3]uintptr{40, 40, 40}},
		{"queryExtCtrl.flags", unsafe.Offsetof(q.flags), [3]uintptr{72, 72, 72}},
		{"queryExtCtrl.dims", unsafe.Offsetof(q.dims), [3]uintptr{84, 84, 84}},
		{"querymenu", unsafe.Sizeof(querymenu{}), [3]uintptr{44, 44, 44}},
		{"extControl", unsafe.Sizeof(c), [3]uintptr{20, 20, 20}},
		{"extControl.value", unsafe.Offsetof(c.value), [3]uintptr{12, 12, 12}},
		{"dvTimings", unsafe.Sizeof(dvTimings{}), [3]uintptr{132, 132, 132}},
		{"encoderCmd", unsafe.Sizeof(encoderCmd{}), [3]uintptr{40, 40, 40}},
		{"eventSubscription", unsafe.Sizeof(eventSubscription{}), [3]uintptr{32, 32, 32}},

		{"format", unsafe.Sizeof(f), [3]uintptr{208, 204, 204}},
		{"format.raw", unsafe.Offsetof(f.raw), [3]uintptr{8, 4, 4}},
		{"buffer", unsafe.Sizeof(b), [3]uintptr{88, 80, 76}},
		{"buffer.sec", unsafe.Offsetof(b.sec), [3]uintptr{24, 24, 20}},
		{"buffer.sequence", unsafe.Offsetof(b.sequence), [3]uintptr{56, 56, 52}},
		{"buffer.m", unsafe.Offsetof(b.m), [3]uintptr{64, 64, 60}},
		{"buffer.length", unsafe.Offsetof(b.length), [3]uintptr{72, 68, 64}},
		{"plane", unsafe.Sizeof(p), [3]uintptr{64, 60, 60}},
		{"plane.m", unsafe.Offsetof(p.m), [3]uintptr{8, 8, 8}},
		{"plane.dataOffset", unsafe.Offsetof(p.dataOffset), [3]uintptr{16, 12, 12}},
		{"extControls", unsafe.Sizeof(x), [3]uintptr{32, 24, 24}},
		{"extControls.controls", unsafe.Offsetof(x.controls), [3]uintptr{24, 20, 20}},
		{"event", unsafe.Sizeof(e), [3]uintptr{136, 136, 128}},
		{"event.data", unsafe.Offsetof(e.data), [3]uintptr{8, 8, 4}},
		{"event.pending", unsafe.Offsetof(e.pending), [3]uintptr{72, 72, 68}},
		{"event.sec", unsafe.Offsetof(e.sec), [3]uintptr{80, 80, 76}},
		{"event.id", unsafe.Offsetof(e.id), [3]uintptr{96, 96, 92}},
		{"input", unsafe.Sizeof(i), [3]uintptr{80, 80, 76}},
		{"input.std", unsafe.Offsetof(i.std), [3]uintptr{48, 48, 48}},
		{"input.status", unsafe.Offsetof(i.status), [3]uintptr{56, 56, 56}},

		{"VIDIOC_QUERYCAP", vidiocQueryCap, [3]uintptr{0x80685600, 0x80685600, 0x80685600}},
		{"VIDIOC_S_FMT", vidiocSFmt, [3]uintptr{0xc0d05605, 0xc0cc5605, 0xc0cc5605}},
		{"VIDIOC_QBUF", vidiocQBuf, [3]uintptr{0xc058560f, 0xc050560f, 0xc04c560f}},
		{"VIDIOC_DQBUF", vidiocDQBuf, [3]uintptr{0xc0585611, 0xc0505611, 0xc04c5611}},
		{"VIDIOC_STREAMON", vidiocStreamOn, [3]uintptr{0x40045612, 0x40045612, 0x40045612}},
		{"VIDIOC_S_PARM", vidiocSParm, [3]uintptr{0xc0cc5616, 0xc0cc5616, 0xc0cc5616}},
		{"VIDIOC_G_EXT_CTRLS", vidiocGExtCtrls, [3]uintptr{0xc0205647, 0xc0185647, 0xc0185647}},
		{"VIDIOC_DQEVENT", vidiocDQEvent, [3]uintptr{0x80885659, 0x80885659, 0x80805659}},
		{"VIDIOC_QUERY_EXT_CTRL", vidiocQueryExtCtrl, [3]uintptr{0xc0e85667, 0xc0e85667, 0xc0e85667}},
	}
	for _, tt := range tests {
		if want := tt.want[machine]; tt.got != want {
			t.Errorf("%s on %s: %d (%#x), want %d (%#x)", tt.name, runtime.GOARCH, tt.got, tt.got, want, want)
		}
	}
}
