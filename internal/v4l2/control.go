package v4l2

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unsafe"
)

// ControlType is the kind of a control's value.
type ControlType uint32

// The kinds that can be set here.
const (
	TypeInteger     ControlType = 1
	TypeBoolean     ControlType = 2
	TypeMenu        ControlType = 3
	TypeButton      ControlType = 4
	TypeInteger64   ControlType = 5
	typeClass       ControlType = 6
	TypeBitmask     ControlType = 8
	TypeIntegerMenu ControlType = 9
)

// The controls that are known by number here.
const (
	CtrlForceKeyframe uint32 = 0x009909e5 // V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME
	CtrlGOPSize       uint32 = 0x009909cb
	CtrlBitrateMode   uint32 = 0x009909ce
	CtrlBitrate       uint32 = 0x009909cf
	CtrlBFrames       uint32 = 0x009909ca
	CtrlRepeatHeaders uint32 = 0x009909e2 // V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER
	CtrlHeaderMode    uint32 = 0x009909d8
	CtrlH264IPeriod   uint32 = 0x00990a66
	CtrlH264Level     uint32 = 0x00990a67
	CtrlH264Profile   uint32 = 0x00990a6b
)

// Control is something that can be set at a device: brightness, exposure, focus ...
type Control struct {
	ID   uint32
	Name string // as the driver writes it
	Type ControlType

	Min, Max, Default int64
	Step              uint64
	Value             int64 // when it was listed

	ReadOnly, WriteOnly bool
	Inactive            bool // another control has to be set first (manual exposure ...)
	Menu                []MenuItem
}

// MenuItem is one of the values of a menu.
type MenuItem struct {
	Value int64
	Name  string
}

// Key returns the name in the form that people type: "white_balance_automatic".
func (c *Control) Key() string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(c.Name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
		} else {
			gap = true
		}
	}
	return b.String()
}

const (
	ctrlDisabled  = 0x1
	ctrlReadOnly  = 0x4
	ctrlInactive  = 0x10
	ctrlWriteOnly = 0x40
	ctrlNext      = 0x80000000
	maxControls   = 512
	maxMenu       = 256
)

// Controls lists the controls that have one value, with their values now.
func (d *Device) Controls() ([]Control, error) {
	var out []Control
	q := queryExtCtrl{}
	for range maxControls {
		q = queryExtCtrl{id: q.id | ctrlNext}
		if err := d.try(vidiocQueryExtCtrl, unsafe.Pointer(&q)); ends(err) {
			break
		} else if err != nil {
			return out, &opError{"list controls", d.path, err}
		}
		if c, ok := d.control(&q); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// FindControl looks for a control by its number; false: the device does not have it.
func (d *Device) FindControl(id uint32) (Control, bool) {
	q := queryExtCtrl{id: id}
	if d.try(vidiocQueryExtCtrl, unsafe.Pointer(&q)) != nil {
		return Control{}, false
	}
	return d.control(&q)
}

func (d *Device) control(q *queryExtCtrl) (Control, bool) {
	t := ControlType(q.typ)
	if q.flags&ctrlDisabled != 0 || q.dims > 0 || q.elems > 1 || t == typeClass || t < TypeInteger || t > TypeIntegerMenu {
		return Control{}, false
	}
	switch t {
	case TypeInteger, TypeBoolean, TypeMenu, TypeButton, TypeInteger64, TypeBitmask, TypeIntegerMenu:
	default:
		return Control{}, false // text
	}
	c := Control{
		ID: q.id, Name: text(q.name[:]), Type: t, Min: q.minimum, Max: q.maximum, Default: q.def, Step: q.step,
		ReadOnly: q.flags&ctrlReadOnly != 0, WriteOnly: q.flags&ctrlWriteOnly != 0, Inactive: q.flags&ctrlInactive != 0,
	}
	if t == TypeMenu || t == TypeIntegerMenu {
		c.Menu = d.menu(&c)
	}
	if !c.WriteOnly && t != TypeButton {
		c.Value, _ = d.ControlValue(&c) // its range is worth having without
	}
	return c, true
}

func (d *Device) menu(c *Control) (items []MenuItem) {
	for i := max(c.Min, 0); i <= min(c.Max, maxMenu); i++ {
		m := querymenu{id: c.ID, index: uint32(i)}
		if d.try(vidiocQueryMenu, unsafe.Pointer(&m)) != nil {
			continue // menus have holes
		}
		item := MenuItem{Value: i, Name: text(m.name[:])}
		if c.Type == TypeIntegerMenu {
			item.Name = strconv.FormatInt(int64(binary.NativeEndian.Uint64(m.name[:8])), 10)
		}
		items = append(items, item)
	}
	return items
}

// ControlValue reads the value of a control.
func (d *Device) ControlValue(c *Control) (int64, error) {
	e := extControl{id: c.ID}
	if err := d.controls("read "+c.Key(), vidiocGExtCtrls, &e); err != nil {
		return 0, err
	}
	if c.Type == TypeInteger64 {
		return int64(binary.NativeEndian.Uint64(e.value[:])), nil
	}
	return int64(int32(binary.NativeEndian.Uint32(e.value[:4]))), nil
}

// SetControl sets a control. Devices refuse what is out of range (ERANGE, EINVAL), or
// take what is nearest.
func (d *Device) SetControl(c *Control, value int64) error {
	e := extControl{id: c.ID}
	if c.Type == TypeInteger64 {
		binary.NativeEndian.PutUint64(e.value[:], uint64(value))
	} else {
		binary.NativeEndian.PutUint32(e.value[:4], uint32(int32(value)))
	}
	return d.controls("set "+c.Key(), vidiocSExtCtrls, &e)
}

func (d *Device) controls(op string, request uintptr, e *extControl) error {
	const ofAnyClass = 0
	return d.do(op, request, unsafe.Pointer(&extControls{which: ofAnyClass, count: 1, controls: unsafe.Pointer(e)}))
}
