package rpicam

import (
	"errors"
	"fmt"
	"strings"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// What is wrong with the camera, and what helps.
var (
	ErrNoProgram = fmt.Errorf("%w: rpicam-vid is needed for the cameras of a Raspberry Pi (Raspberry Pi OS: apt install rpicam-apps, before 2023 libcamera-apps)", camgate.ErrNotInstalled)
	ErrNoCamera  = fmt.Errorf("%w: no camera is found: look at its cable and which way round it is, and for camera_auto_detect=1 (or its dtoverlay) in /boot/firmware/config.txt; "+
		`"rpicam-hello --list-cameras" shows those that are`, camgate.ErrConnectionFailed)
	ErrNoSuchCamera = fmt.Errorf(`%w: there are fewer cameras than that: "rpicam-hello --list-cameras" shows their numbers`, camgate.ErrConnectionFailed)
	ErrBusy         = fmt.Errorf(`%w: another program uses the camera: end it ("fuser -v /dev/media*" shows which), or let it read this stream`, camgate.ErrConnectionFailed)
	ErrPermission   = fmt.Errorf("%w: camgate may not use the camera: add its user to the group video", camgate.ErrConnectionFailed)
	ErrStuck        = fmt.Errorf("%w: the camera sends nothing to the system: look at its cable; too little power does that too", camgate.ErrTimeout)
	ErrOldProgram   = fmt.Errorf("%w: this version of the camera's program cannot do that", camgate.ErrNotInstalled)
	ErrMode         = fmt.Errorf("%w: the camera or its encoder cannot do this size or rate", camgate.ErrUnsupportedCodec)
)

// messages are what the programs and libcamera say, in lower case, and what it means;
// the first that fits counts.
var messages = []struct {
	text string
	err  error
}{
	{"no cameras available", ErrNoCamera},
	{"selected camera is not available", ErrNoSuchCamera},
	{"pipeline handler in use by another process", ErrBusy},
	{"failed to acquire camera", ErrBusy},
	{"device or resource busy", ErrBusy},
	{"permission denied", ErrPermission},
	{"dequeue timer", ErrStuck},
	{"device timeout detected", ErrStuck},
	{"unrecognised option", ErrOldProgram},
	{"unable to set up sensor mode", ErrMode},
	{"failed to configure streams", ErrMode},
	{"failed to set output format", ErrMode},
}

// explain adds what a program's last words mean.
func explain(err error) error {
	var ce *child.Error
	if !errors.As(err, &ce) {
		return err
	}
	said := strings.ToLower(ce.Output)
	for _, m := range messages {
		if strings.Contains(said, m.text) {
			return fmt.Errorf("%w (%w)", m.err, ce)
		}
	}
	return err
}
