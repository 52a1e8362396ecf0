package main

import (
	"context"
	"strings"
	"testing"
)

func TestFakecam(t *testing.T) {
	if got := do(t, "", "fakecam", "--list"); got.code != 0 || !strings.Contains(got.out, "udp-461 ") || strings.Count(got.out, "\n") < 60 {
		t.Errorf("--list: %+v", got)
	}
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"--fault silense":                  {exitUsage, `fault "silense": there is none of this name: did you mean "silence"? (camgate fakecam --list shows all faults)`},
		"--fault silence=5":                {exitUsage, `"5" is no time such as 5s`},
		"--fault basic":                    {exitUsage, "there is no user"},
		"--timeout 5":                      {exitUsage, "invalid value"},
		"--timeout -5s":                    {exitUsage, "below zero"},
		"cam":                              {exitUsage, `unexpected argument "cam"`},
		"--clip /no/such/file":             {exitFailed, "no such file"},
		"--clip main.go":                   {exitFailed, "not a progressive MP4 file"},
		"--listen 127.0.0.1:x":             {exitFailed, "127.0.0.1:x"},
		"--password secret --listen :0":    {exitFailed, "no user"},
		"--second-clip main.go --listen x": {exitFailed, "second clip"},
	} {
		got := do(t, "", append([]string{"fakecam"}, strings.Fields(args)...)...)
		if got.code != want.code || !strings.Contains(got.err, want.says) || got.out != "" {
			t.Errorf("%s: %+v, want %v", args, got, want)
		}
	}
	var out, errs strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code := dispatch(ctx, stdio{in: strings.NewReader(""), out: &out, err: &errs},
		strings.Fields("fakecam --listen 127.0.0.1:0 --tls --user admin --password secret --fault kill=1s --fault basic"))
	for _, want := range []string{"rtsps://127.0.0.1:", "fingerprint ", "admin", "kill=1s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("says %q, not %q", out.String(), want)
		}
	}
	if code != 0 || strings.Contains(out.String()+errs.String(), "secret") {
		t.Errorf("code %d, %s%s", code, out.String(), errs.String())
	}
}
