package camera

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/internal/v4l2"
)

// Devices are not played here: what is tested is what is made of what they say. Real
// drivers, in a virtual machine: make test-camera.

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"/dev/video0":              {Path: "/dev/video0"},
		"/dev/v4l/by-id/usb-A_B-0": {Path: "/dev/v4l/by-id/usb-A_B-0"},
		"name=HD Pro Webcam*":      {Name: "HD Pro Webcam*"},
		"name=HD%20Pro":            {Name: "HD Pro"},
		"serial=1A2B":              {Serial: "1A2B"},
	} {
		if got, err := ParseTarget(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "video0", "name=", "bus=1", "name=[", "serial"} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	h := host{filepath.Join(root, "dev"), filepath.Join(root, "sys"), filepath.Join(root, "proc")}
	file := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, path string) {
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := h.find(Target{Name: "*"}); !errors.Is(err, camgate.ErrConnectionFailed) || !strings.Contains(err.Error(), "no other camera") {
		t.Error(err)
	}
	// Plain files in place of devices: they cannot be asked, so they may be cameras.
	for _, n := range []struct{ node, name, usb, serial string }{
		{"video0", "HD Pro Webcam C920", "1-1", "ABC123"},
		{"video1", "HD Pro Webcam C920", "1-1", "ABC123"},
		{"video10", "HD Pro Webcam C920", "1-2", "XYZ789"},
		{"video2", "Capture a/b", "1-3", ""},
		{"vbi0", "no", "1-3", ""},
	} {
		file("usb/"+n.usb+"/serial", n.serial+"\n")
		file("usb/"+n.usb+"/"+n.usb+":1.0/uevent", "")
		file("sys/"+n.node+"/name", n.name+"\n")
		link(filepath.Join(root, "usb", n.usb, n.usb+":1.0"), "sys/"+n.node+"/device")
		file("dev/"+n.node, "")
	}
	link(filepath.Join(h.dev, "video2"), "dev/v4l/by-path/pci-1")
	var names []string
	for _, n := range h.nodes() {
		names = append(names, filepath.Base(n.path)+" "+n.serial)
	}
	if !slices.Equal(names, []string{"video0 ABC123", "video1 ABC123", "video2 ", "video10 XYZ789"}) {
		t.Errorf("%q", names)
	}
	if got := h.links(filepath.Join(h.dev, "video2")); len(got) != 1 || filepath.Base(got[0]) != "pci-1" {
		t.Error(got)
	}
	for _, tt := range []struct {
		target Target
		match  []string
	}{
		{Target{Name: "hd pro*"}, []string{"video0", "video1", "video10"}},
		{Target{Name: "Capture a?b"}, []string{"video2"}},
		{Target{Name: "Capture*"}, []string{"video2"}},
		{Target{Serial: "xyz*"}, []string{"video10"}},
		{Target{Serial: "nobody"}, nil},
	} {
		var got []string
		for _, n := range h.nodes() {
			if tt.target.matches(n) {
				got = append(got, filepath.Base(n.path))
			}
		}
		if !slices.Equal(got, tt.match) {
			t.Errorf("%+v: %q, want %q", tt.target, got, tt.match)
		}
	}
	if _, _, err := h.find(Target{Path: filepath.Join(h.dev, "video7")}); !errors.Is(err, camgate.ErrConnectionFailed) {
		t.Error(err)
	}
}

func TestHolders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "video0")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	h := host{filepath.Dir(path), "", "/proc"}
	open() // who asks has it open, too
	if got := h.holders(path); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	open()
	got := h.holders(path)
	if len(got) != 1 || !got[0].Self || got[0].PID != os.Getpid() || got[0].Command == "" {
		t.Errorf("%+v", got)
	}
	err := h.explain(path, syscall.EBUSY)
	var busy *BusyError
	if !errors.As(err, &busy) || !errors.Is(err, syscall.EBUSY) || !errors.Is(err, camgate.ErrConnectionFailed) || !strings.HasSuffix(err.Error(), "is held by this gateway") {
		t.Error(err)
	}
	if s := (Holder{PID: 33, Command: "ffmpeg"}).String(); s != "ffmpeg, pid 33" {
		t.Error(s)
	}
}

func TestExplain(t *testing.T) {
	h := thisHost()
	for errno, want := range map[error]string{
		syscall.ENODEV: "unplugged", syscall.EACCES: `group "video"`, syscall.ENOSPC: "USB bus", syscall.EIO: "cable",
		syscall.ENOTTY: "no video device",
	} {
		err := h.explain("/dev/video0", errno)
		if !strings.Contains(err.Error(), want) || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if err := h.explain("", errChanged); err != errChanged {
		t.Error(err)
	}
	if h.explain("", nil) != nil {
		t.Error("an error out of nothing")
	}
}

func one(w, h int) v4l2.FrameSize {
	return v4l2.FrameSize{MinWidth: w, MaxWidth: w, MinHeight: h, MaxHeight: h}
}

func TestPick(t *testing.T) {
	webcam := []offer{
		{v4l2.YUYV, []v4l2.FrameSize{one(640, 480), one(1280, 720), one(800, 600)}},
		{v4l2.MJPEG, []v4l2.FrameSize{one(640, 480), one(1280, 720), one(1920, 1080)}},
	}
	h264 := append(slices.Clone(webcam), offer{v4l2.H264, []v4l2.FrameSize{one(1280, 720), one(1920, 1080)}})
	steps := []offer{{v4l2.YU12, []v4l2.FrameSize{{MinWidth: 32, MaxWidth: 1920, StepWidth: 2, MinHeight: 32, MaxHeight: 1080, StepHeight: 2}}}, {v4l2.NV12, nil}}
	for _, tt := range []struct {
		name          string
		offers        []offer
		format        string
		width, height int
		want          string
	}{
		{"compressed before raw", webcam, "auto", 1280, 720, "MJPG 1280x720"},
		{"H264 before MJPEG", h264, "", 1280, 720, "H264 1280x720"},
		{"MJPEG, as H264 has no such size", h264, "auto", 640, 480, "MJPG 640x480"},
		{"raw, as nothing else has it", h264, "auto", 800, 600, "YUYV 800x600"},
		{"the nearest of the best", h264, "auto", 1300, 730, "H264 1280x720"},
		{"larger rather than smaller", webcam, "mjpeg", 1700, 950, "MJPG 1920x1080"},
		{"the same shape", webcam, "mjpeg", 700, 394, "MJPG 1280x720"},
		{"as told", webcam, "raw", 640, 480, "YUYV 640x480"},
		{"by pixel format", webcam, "yuyv", 1280, 720, "YUYV 1280x720"},
		{"not there", webcam, "h264", 640, 480, ""},
		{"not there either", webcam, "NV12", 640, 480, ""},
		{"in steps", steps, "YU12", 1281, 721, "YU12 1282x722"},
		{"a device that tells no sizes", steps, "NV12", 1281, 721, "NV12 1281x721"},
		{"what camgate does not take", []offer{{0x33424752 + 1, nil}}, "auto", 640, 480, ""},
	} {
		w, err := ParseFormat(tt.format)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if c, ok := pick(tt.offers, w, tt.width, tt.height); ok {
			got = c.pixels.String() + " " + itoa(c.width) + "x" + itoa(c.height)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if _, err := ParseFormat("vp8"); err == nil || !strings.Contains(err.Error(), "NV12, NM12") {
		t.Error(err)
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

func TestPickInterval(t *testing.T) {
	list := []v4l2.FrameInterval{}
	for _, d := range []uint32{5, 10, 15, 30} {
		list = append(list, v4l2.FrameInterval{Min: v4l2.Fraction{Numerator: 1, Denominator: d}, Max: v4l2.Fraction{Numerator: 1, Denominator: d}})
	}
	steps := []v4l2.FrameInterval{{Min: v4l2.Fraction{Numerator: 1, Denominator: 60}, Max: v4l2.Fraction{Numerator: 1, Denominator: 1}}}
	for _, tt := range []struct {
		list []v4l2.FrameInterval
		fps  float64
		want v4l2.Fraction
	}{
		{list, 30, v4l2.Fraction{Numerator: 1, Denominator: 30}},
		{list, 25, v4l2.Fraction{Numerator: 1, Denominator: 30}},
		{list, 12.5, v4l2.Fraction{Numerator: 1, Denominator: 15}}, // the faster of two
		{list, 1, v4l2.Fraction{Numerator: 1, Denominator: 5}},
		{steps, 29.97, v4l2.Fraction{Numerator: 1001, Denominator: 30000}},
		{steps, 100, v4l2.Fraction{Numerator: 1, Denominator: 60}},
		{steps, 0.5, v4l2.Fraction{Numerator: 1, Denominator: 1}},
		{nil, 7.5, v4l2.Fraction{Numerator: 1000, Denominator: 7500}},
	} {
		if got := pickInterval(tt.list, tt.fps); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.fps, got, tt.want)
		}
	}
}

func segment(marker byte, n int) []byte {
	return append([]byte{0xff, marker, byte((n + 2) >> 8), byte(n + 2)}, make([]byte, n)...)
}

// jpegFile is one as cameras write them.
func jpegFile(tables bool, scan string) []byte {
	b := append([]byte{0xff, 0xd8}, segment(0xdb, 65)...)
	b = append(b, segment(0xc0, 15)...)
	if tables {
		b = append(b, ingest.HuffmanSegment()...)
	}
	b = append(b, segment(0xda, 10)...)
	return append(b, scan...)
}

func TestJPEG(t *testing.T) {
	const scan = "abc\xff\x00d\xff\xd1e"
	plain := jpegFile(true, scan+"\xff\xd9")
	for _, tt := range []struct {
		name     string
		in, want []byte
	}{
		{"as it is", plain, plain},
		{"filled up", append(slices.Clone(plain), make([]byte, 500)...), plain},
		{"with something behind it", append(slices.Clone(plain), "\xff\xd8\xffjunk"...), plain},
		{"without tables", jpegFile(false, scan+"\xff\xd9"), plain},
		{"cut off", jpegFile(true, scan), nil},
		{"two in one", jpegFile(true, "abc"+string(plain)), nil},
		{"no picture", []byte("\xff\xd8\xff\xd9"), nil},
		{"nothing in the scan", jpegFile(true, "\xff\xd9"), nil},
		{"something else", []byte("hello, world"), nil},
		{"empty", nil, nil},
		{"a segment that is too long", plain[:40], nil},
	} {
		if got := newJPEGs().take(tt.in); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
		}
	}
	// A camera that never writes the end is taken at its word.
	j := newJPEGs()
	for i := range tellsNoEnd + 1 {
		got := j.take(append(jpegFile(false, scan), 0, 0, 0))
		if (got != nil) != (i >= tellsNoEnd-1) || got != nil && !bytes.Equal(got, plain) {
			t.Errorf("picture %d: %x", i, got)
		}
	}
}

func FuzzJPEG(f *testing.F) {
	f.Add(jpegFile(true, "abc\xff\xd9"))
	f.Add(jpegFile(false, "abc\xff\x00\xff\xd0\xff\xd9\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		j := newJPEGs()
		out := j.take(b)
		if out == nil {
			return
		}
		again := newJPEGs().take(out)
		if !bytes.Equal(out, again) {
			t.Errorf("%x becomes %x, and that %x", b, out, again)
		}
	})
}

func FuzzAnnexB(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x67a\x00\x00\x01\x68b\x00\x00\x00\x01\x65c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		size := 0
		for _, n := range splitAnnexB(b) {
			if len(n) == 0 || bytes.Contains(n, []byte{0, 0, 1}) {
				t.Errorf("%x: %x", b, n)
			}
			size += len(n)
		}
		if size > len(b) {
			t.Errorf("%d bytes of %d", size, len(b))
		}
	})
}

func TestAnnexB(t *testing.T) {
	got := splitAnnexB([]byte("xx\x00\x00\x00\x01ga\x00\x00\x01hb\x00\x00\x00\x00\x01e\x00\x00\x03\x01\x00\x00"))
	want := []string{"ga", "hb", "e\x00\x00\x03\x01"}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if string(got[i]) != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if splitAnnexB([]byte("abc")) != nil {
		t.Error("NAL units without a start code")
	}
}

func TestClock(t *testing.T) {
	const now = int64(5_000_000_000)
	var c clock
	check := func(micros int64, monotonic bool, now int64, wantAt, wantAge time.Duration) {
		t.Helper()
		at, age := c.time(&v4l2.Buffer{Micros: micros, Monotonic: monotonic}, now)
		if at != wantAt || age != wantAge {
			t.Errorf("at %s, %s old; want %s, %s", at, age, wantAt, wantAge)
		}
	}
	check(4_990_000, true, now, 0, 10*time.Millisecond)
	check(5_023_333, true, now+50e6, 33333*time.Microsecond, 26667*time.Microsecond)
	check(5_023_333, true, now+60e6, 33334*time.Microsecond, 36667*time.Microsecond) // the same again
	check(77, true, now+100e6, 110*time.Millisecond, 0)                              // no such time
	check(99_000_000, true, now+130e6, 140*time.Millisecond, 0)
	check(5_150_000, false, now+170e6, 180*time.Millisecond, 0) // another clock
	check(5_200_000, true, now+201e6, 210*time.Millisecond, time.Millisecond)
}

func TestControlValues(t *testing.T) {
	number := Control{Name: "brightness", Type: "integer", Min: -64, Max: 64, Default: 3}
	flag := Control{Name: "flip", Type: "boolean", Max: 1}
	menu := Control{Name: "power_line_frequency", Type: "menu", Max: 3, Choices: []Choice{{0, "Disabled"}, {1, "50 Hz"}, {3, "Auto"}}}
	button := Control{Name: "reset", Type: "button"}
	for _, tt := range []struct {
		control Control
		text    string
		want    int64
		bad     bool
	}{
		{number, "-64", -64, false}, {number, " 12 ", 12, false}, {number, "default", 3, false}, {number, "65", 0, true}, {number, "much", 0, true}, {number, "on", 0, true},
		{flag, "on", 1, false}, {flag, "No", 0, false}, {flag, "1", 1, false}, {flag, "2", 0, true},
		{menu, "50 hz", 1, false}, {menu, "3", 3, false}, {menu, "2", 0, true}, {menu, "60 Hz", 0, true},
		{button, "", 1, false},
	} {
		got, err := tt.control.parse(tt.text)
		if got != tt.want || (err != nil) != tt.bad || err != nil && (!errors.Is(err, camgate.ErrBadRequest) || !strings.Contains(err.Error(), tt.control.String())) {
			t.Errorf("%s = %q: %d, %v", tt.control.Name, tt.text, got, err)
		}
	}
	if s := menu.String(); s != "power_line_frequency (0 Disabled, 1 50 Hz, 3 Auto)" {
		t.Error(s)
	}
}

func TestRawPictures(t *testing.T) {
	planes := func(strides ...int) (out []v4l2.PlaneFormat) {
		for _, s := range strides {
			out = append(out, v4l2.PlaneFormat{Stride: s})
		}
		return out
	}
	filled := func(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }
	for _, tt := range []struct {
		name   string
		format v4l2.Format
		in     [][]byte
		want   []byte // nil: refused
	}{
		{"packed", v4l2.Format{Pixels: v4l2.YUYV, Width: 4, Height: 2, Planes: planes(8)}, [][]byte{filled(20, 1)}, filled(16, 1)},
		{"too short", v4l2.Format{Pixels: v4l2.YUYV, Width: 4, Height: 2, Planes: planes(8)}, [][]byte{filled(15, 1)}, nil},
		{"no stride told", v4l2.Format{Pixels: v4l2.RGB3, Width: 4, Height: 2, Planes: planes(0)}, [][]byte{filled(24, 1)}, filled(24, 1)},
		{"padded lines", v4l2.Format{Pixels: v4l2.GREY, Width: 4, Height: 2, Planes: planes(6)}, [][]byte{filled(12, 1)}, filled(12, 1)},
		{"planar", v4l2.Format{Pixels: v4l2.YU12, Width: 4, Height: 2, Planes: planes(4)}, [][]byte{filled(12, 1)}, filled(12, 1)},
		{"planes apart", v4l2.Format{Pixels: v4l2.NM12, Width: 4, Height: 2, Planes: planes(4, 4)}, [][]byte{filled(8, 1), filled(4, 2)}, append(filled(8, 1), filled(4, 2)...)},
		{
			"planes apart with other strides", v4l2.Format{Pixels: v4l2.YM12, Width: 4, Height: 4, Planes: planes(4, 3, 4)},
			[][]byte{filled(16, 1), []byte("ab.cd"), []byte("ef..gh..")}, append(filled(16, 1), "abcdefgh"...),
		},
		{"a plane is missing", v4l2.Format{Pixels: v4l2.NM12, Width: 4, Height: 2, Planes: planes(4, 4)}, [][]byte{filled(8, 1), nil}, nil},
	} {
		r, err := newRawPictures(tt.format)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		p := r.take(tt.in)
		switch {
		case p == nil && tt.want != nil, p != nil && !bytes.Equal(p.data, tt.want):
			t.Errorf("%s: %v, want %q", tt.name, p, tt.want)
		}
	}
	for _, f := range []v4l2.Format{
		{Pixels: v4l2.H264, Width: 4, Height: 4, Planes: planes(0)}, {Pixels: v4l2.YUYV, Width: 4, Height: 4},
		{Pixels: v4l2.YUYV, Width: 1 << 20, Height: 1 << 10, Planes: planes(0)}, {Pixels: v4l2.YU12, Width: 4, Height: 4, Planes: planes(4, 4)},
	} {
		if _, err := newRawPictures(f); !errors.Is(err, camgate.ErrUnsupportedCodec) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}
