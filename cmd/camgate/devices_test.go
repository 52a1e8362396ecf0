package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Raspberry Pi: two CSI cameras, which have no video device of their own.
const listsTwo = `#!/bin/sh
cat <<'END'
Available cameras
-----------------
0 : imx219 [3280x2464 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx219@10)
    Modes: 'SRGGB10_CSI2P' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]
                             1640x1232 [41.85 fps - (0, 0)/3280x2464 crop]
           'SRGGB8' : 640x480 [206.65 fps - (1000, 752)/1280x960 crop]

1 : imx708_wide [4608x2592] (/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SBGGR10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
END
`

func TestDevicesOfARaspberryPi(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rpicam-hello"), []byte(listsTwo), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	said := func(args string) string {
		var out, errs bytes.Buffer
		if code := dispatch(t.Context(), stdio{out: &out, err: &errs}, strings.Fields(args)); code != exitOK {
			t.Errorf("%s: exit code %d: %s", args, code, &errs)
		}
		return out.String()
	}
	text := said("devices")
	for _, want := range []string{
		"rpicam://0  imx219\n  path      /base/soc/i2c0mux/i2c@1/imx219@10\n  sensor    3280x2464 10-bit RGGB\n",
		"  mode      SRGGB10_CSI2P  1640x1232 at 41.85\n", `  config    pi: {source: "rpicam://1"}` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	var found []device
	if err := json.Unmarshal([]byte(said("devices --json")), &found); err != nil || len(found) < 2 {
		t.Fatal(err, found)
	}
	pi := found[len(found)-2]
	if pi.Source != "rpicam://0" || pi.Driver != "rpicam" || pi.Name != "imx219" || len(pi.Formats) != 2 || len(pi.Formats[0].Sizes) != 2 || pi.Formats[0].Codec != "" {
		t.Errorf("%+v", pi)
	}
}
