package v4l2

import (
	"testing"
)

func TestControls(t *testing.T) {
	k := &kernel{values: map[uint32]int32{0x980900: -5, 0x9a0901: 3}}
	d := newDevice(t, k)
	all, err := d.Controls()
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if c := all[0]; c.Key() != "brightness" || c.Value != -5 || c.Min != -64 || c.Max != 64 {
		t.Errorf("%+v", c)
	}
	if c := all[1]; c.Key() != "auto_exposure_mode" || len(c.Menu) != 3 || c.Menu[2] != (MenuItem{3, "Aperture Priority Mode"}) || c.Value != 3 {
		t.Errorf("%+v", c)
	}
	if err := d.SetControl(&all[0], 12); err != nil || k.values[0x980900] != 12 {
		t.Error(err, k.values)
	}
	if _, ok := d.FindControl(CtrlForceKeyframe); ok {
		t.Error("a control that is not there was found")
	}
	if e, err := d.NextEvent(); err != nil || e.Type != EventEOS {
		t.Error(e, err)
	}
}
