package encode

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
)

const insideVAAPI = "CAMGATE_TEST_INSIDE_VAAPI"

// TestVAAPI runs the tests below on a machine that has a graphics device, or seems to:
// itself, in a mount namespace, with a driver that is a program (testdata/fakeva).
func TestVAAPI(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("it needs root, for a mount namespace")
	}
	for name, test := range map[string]func(*testing.T){"Auto": insideAuto, "Failures": insideFailures} {
		t.Run(name, func(t *testing.T) {
			if os.Getenv(insideVAAPI) != "" {
				test(t)
				return
			}
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "../../testdata/fakeva/with-fake-vaapi.sh", os.Args[0], "-test.run=^TestVAAPI$/^"+name+"$", "-test.v", "-test.timeout=3m")
			cmd.Env = append(os.Environ(), insideVAAPI+"=1", "FAKEVA_CACHE="+filepath.Join(t.TempDir(), "driver"))
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("--- PASS: TestVAAPI/"+name)) {
				t.Errorf("%v (libva-dev and cc are needed)\n%s", err, out)
			}
		})
	}
}

var vga = Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "nv12", FPS: 30}

// patient is what encoders are chosen for here: the machine may be busy with other
// tests, and what is looked at is not how fast it is.
var patient = Settings{FPS: 1}

func insideAuto(t *testing.T) {
	e := New(Options{StateDir: t.TempDir()})
	for _, codec := range []camgate.Codec{camgate.H264, camgate.H265, camgate.MJPEG} {
		table := proven(t, e, Settings{Codec: codec, Width: 320, Height: 240, FPS: patient.FPS})
		for _, p := range table {
			t.Logf("%+v", p)
			if want := p.Name == "h264_vaapi" || p.Name == "libx265" || p.Name == "mjpeg"; want != p.Chosen {
				t.Errorf("%s is chosen: %t", p.Name, p.Chosen)
			}
		}
	}
	list, err := e.Choose(t.Context(), vga, patient)
	if err != nil || len(list) != 2 || list[0].Name() != "h264_vaapi" || list[1].Name() != "libx264" || !list[0].ForcesKeyframes() {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := e.Choose(t.Context(), Format{Codec: camgate.Raw, Width: 320, Height: 240, Pixels: "gray"}, Settings{Encoder: "h264_nvenc"}); !errors.Is(err, camgate.ErrEncoderUnavailable) || !strings.Contains(err.Error(), "libcuda") {
		t.Errorf("h264_nvenc: %v", err)
	}
	e.Demote(list[0], ErrHung)
	if list, err = e.Choose(t.Context(), vga, patient); err != nil || len(list) != 2 || list[0].Name() != "libx264" {
		t.Errorf("after it was demoted: %v, %v", list, err)
	}
}

// insideFailures has the driver fail in each of its ways, before and at work.
func insideFailures(t *testing.T) {
	for _, tt := range []struct {
		fail string
		want error // at work; nil: the trial finds out
	}{
		{"init", nil}, {"profiles", nil}, {"context", nil}, {"frame:10", nil}, {"coded:10", nil}, {"empty:10", nil}, {"hang:10", nil}, {"hang:0", nil},
		{"init", ErrDied}, {"profiles", ErrDied}, {"context", ErrDied},
		{"frame:100", ErrDied}, {"coded:100", ErrHung}, {"hang:100", ErrHung}, {"empty:100", ErrEmpty}, {"slow:100", ErrSlow},
	} {
		name := tt.fail
		if tt.want != nil {
			name += " at work"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"FAKEVA_FAIL=" + tt.fail}
			if tt.want == nil {
				e := New(Options{Env: env})
				begin := time.Now()
				table, err := e.Prove(t.Context(), Settings{Width: 320, Height: 240, FPS: 1, Encoder: "h264_vaapi"})
				if d := time.Since(begin); d > trialTime+time.Second {
					t.Errorf("it took %v", d)
				}
				if err != nil || len(table) != 1 || table[0].Works || table[0].Reason == "" {
					t.Errorf("%+v, %v", table, err)
				}
				list, err := e.Choose(t.Context(), vga, patient)
				if err != nil || len(list) != 1 || list[0].Name() != "libx264" {
					t.Errorf("%v, %v", list, err)
				}
				return
			}
			list, err := New(Options{}).Choose(t.Context(), vga, Settings{Encoder: "h264_vaapi", FPS: patient.FPS})
			if err != nil {
				t.Fatal(err)
			}
			enc := list[0]
			enc.env = append(env, enc.env...)
			s := open(t, enc, vga, Settings{})
			if errors.Is(tt.want, ErrHung) { // this is looked at
				s.hang = hangTime
			} else if errors.Is(tt.want, ErrSlow) {
				s.slow = slowTime
			}
			i := 0
			last := time.Now()
			pace := time.NewTicker(time.Second / 30)
			defer pace.Stop()
			err = s.Run(t.Context(), func(ctx context.Context) (Picture, error) {
				select {
				case <-pace.C:
				case <-ctx.Done():
				}
				i++
				return Picture{Time: odd(i), AU: [][]byte{raw(t, vga, i)}}, ctx.Err()
			}, func(Picture) error { last = time.Now(); return nil })
			d := time.Since(last)
			t.Logf("%v after the last picture: %v", d, err)
			var se *SessionError
			if !errors.Is(err, tt.want) || !errors.As(err, &se) || d > 3*time.Second {
				t.Errorf("%v after the last picture: %v", d, err)
			}
		})
	}
}
