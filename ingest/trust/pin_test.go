package trust

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

func TestParsePin(t *testing.T) {
	want := Pin{0: 0xba, 1: 0x78, 31: 0xad}
	colons := want.String()
	plain := strings.ReplaceAll(colons, ":", "")
	encoded := base64.StdEncoding.EncodeToString(want[:])
	for _, text := range []string{
		colons, plain, strings.ToLower(colons), strings.ToLower(plain), " " + colons + "\n",
		"sha256:" + plain, "SHA256:" + colons, "sha256 Fingerprint=" + colons, "SHA256 Fingerprint=" + colons,
		"sha256/" + encoded, "sha256//" + encoded, "SHA256/" + strings.TrimRight(encoded, "="),
	} {
		if got, err := ParsePin(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                       "it has 0",
		"AA:BB":                  "it has 4",
		plain + "00":             "it has 66",
		plain[:63]:               "it has 63",
		plain[:40]:               "that is a SHA-1",
		plain[:32]:               "that is an MD5",
		"s3cret" + plain[6:]:     "there are other characters in it",
		encoded:                  "there are other characters in it",
		"sha256/" + encoded[:40]: "not the base64 of a SHA-256",
		"sha256/!" + encoded:     "not the base64 of a SHA-256",
	} {
		if _, err := ParsePin(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	text, err := json.Marshal(want)
	var back Pin
	if err != nil || json.Unmarshal(text, &back) != nil || back != want {
		t.Errorf("%s, %v", text, err)
	}
}

func FuzzParsePin(f *testing.F) {
	f.Add("AA:BB")
	f.Add("sha256/ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
	f.Add("sha256 Fingerprint=" + Pin{1}.String())
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePin(text)
		if again, e := ParsePin(p.String()); err == nil && (e != nil || again != p) {
			t.Errorf("%q is %s, which is %s, %v", text, p, again, e)
		}
	})
}

func FuzzStore(f *testing.F) {
	f.Add("cam:322 " + Pin{1}.String() + " 2026-01-31T12:00:00Z")
	f.Fuzz(func(t *testing.T, line string) {
		if k, err := parseKnown(line); err == nil && (k.Address == "" || k.Pin.String() == "") {
			t.Errorf("%q: %+v", line, k)
		}
	})
}
