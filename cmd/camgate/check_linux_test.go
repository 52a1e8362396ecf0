package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one.yaml", "streams: {a: {source: publish}}\n")
	write("camgate.yaml", "streams: {a: {source: publish}, b: {source: demo}}\n")
	write("bad.yaml", "rtps: {}\nstreams:\n  cam: {source: 'rtsp://u:s3cret@/x', transprot: tcp}\nlog: {level: \"${NONE}\"}\n")
	for name, tt := range map[string]struct {
		args    string
		environ string
		code    int
		want    string
	}{
		"ok":       {"check one.yaml", "", 0, "one.yaml: ok, 1 stream\n"},
		"ok by -c": {"check -c one.yaml", "", 0, "one.yaml: ok, 1 stream\n"},
		"found":    {"check", "", 0, "camgate.yaml: ok, 2 streams\n"},
		"named":    {"check", "CAMGATE_CONFIG=one.yaml", 0, "one.yaml: ok, 1 stream\n"},
		"warning":  {"check one.yaml", "CAMGATE_LOG_LEVL=x", 0, "warning: CAMGATE_LOG_LEVL: camgate knows no such variable: did you mean CAMGATE_LOG_LEVEL?\none.yaml: ok, 1 stream\n"},
		"missing":  {"check none.yaml", "", 1, "none.yaml: there is no such file\n"},
		"bad": {"check bad.yaml", "", 1, `bad.yaml:1:1: unknown key "rtps": did you mean "rtsp"?
bad.yaml:3:39: streams.cam: unknown key "transprot": did you mean "transport"?
bad.yaml:4:14: log.level: the environment has no NONE: set it, write ${NONE:default}, or $${NONE} for these characters themselves
`},
		"bad variable": {"check one.yaml", "CAMGATE_HLS_PART=soon", 1, "CAMGATE_HLS_PART: hls.part: is no duration: write a number with its unit, as in 200ms, 10s, 1m30s, 1h\n"},
		"bad to run":   {"-c bad.yaml", "", 1, "bad.yaml:1:1: unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(program, strings.Fields(tt.args)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), tt.environ)
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tt.code || string(out) != tt.want && (name != "bad to run" || !strings.HasPrefix(string(out), tt.want)) {
				t.Errorf("exit %d (%v), printed:\n%swant %d:\n%s", code, err, out, tt.code, tt.want)
			}
		})
	}
}

func TestVersionOfTheBuild(t *testing.T) {
	out, err := exec.Command(program, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "camgate v1.2.3-test (go1.") {
		t.Errorf("%v: %s", err, out)
	}
}
