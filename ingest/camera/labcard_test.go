//go:build v4l2lab

package camera

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

// A capture card takes the timings of its signal, or its TV standard: those that it has
// at the beginning, and those that it changes to. That there is no signal is told.
func TestLabSignal(t *testing.T) {
	device := env("LAB_CARD")
	const noSignal, selected = "1", "4"
	for input, of := range []struct{ name, mode, control, get, first, second string }{
		{"HDMI", "dv_timings_signal_mode", "dv_timings", "--get-dv-timings", "8", "0"},    // 1280x720p50, 640x480p59
		{"TV", "standard_signal_mode", "standard", "--get-standard", "NTSC-M", "PAL-BGH"}, // see choice
	} {
		t.Run(of.name, func(t *testing.T) {
			control := func(name, value string) { command(t, "v4l2-ctl", "-d", device, "-c", name+"="+value) }
			choice := func(name string) string { // of the menu
				if of.name == "HDMI" {
					return name
				}
				out, err := exec.Command("v4l2-ctl", "-d", device, "-L").CombinedOutput()
				m := regexp.MustCompile(`(?m)^\s*(\d+): ` + name + `$`).FindSubmatch(out)
				if err != nil || m == nil {
					t.Fatalf("%s: %v: %s", name, err, out)
				}
				return string(m[1])
			}
			set := func() string {
				out, err := exec.Command("v4l2-ctl", "-d", device, of.get).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				return strings.Join(strings.Fields(string(out)), " ")
			}
			command(t, "v4l2-ctl", "-d", device, "-i", strconv.Itoa(input))
			control(of.mode, noSignal)
			g := serve(t, Options{Target: device, Format: "YUYV", Width: 640, Height: 480, Stall: 2 * time.Second})
			g.await(t, "no signal", time.Minute, func(st camgate.Status) bool {
				return strings.Contains(fmt.Sprint(st.Err, g.stream.Info().Warnings), "no signal")
			})
			t.Logf("without a signal: %v %q", g.stream.Status().Err, g.stream.Info().Warnings)
			before := set()
			for _, name := range []string{of.first, of.second} {
				control(of.control, choice(name))
				control(of.mode, selected)
				d := g.await(t, "followed", time.Minute, func(camgate.Status) bool { return set() != before })
				before = set()
				g.await(t, "live", time.Minute, func(st camgate.Status) bool {
					return live(st) && !strings.Contains(fmt.Sprint(g.stream.Info().Warnings), "no signal")
				})
				next(t, g.reader(t))
				fields := g.stream.Tracks()[0].Params().Fields // of TV standards, but not of these timings
				if want := map[string]string{"NTSC-M": "bff", "PAL-BGH": "tff"}[name]; fields != want {
					t.Errorf("%s: the halves are %q, want %q", name, fields, want)
				}
				t.Logf("another signal, %s: followed after %s, and there are pictures; %.80s", name, d.Round(10*time.Millisecond), before)
			}
			control(of.mode, "0")
			g.stop()
		})
	}
}
