package rtsp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
)

// codecsOf is what we would take of an SDP, as control and the library see it.
func codecsOf(text []byte) (string, error) {
	body, _ := repairSDP(text)
	ssd, err := sdpunmarshaler.Unmarshal(body)
	if err != nil {
		return "", err
	}
	desc := &description.Session{}
	if err := desc.Unmarshal2(ssd); err != nil {
		return "", err
	}
	ins, err := inputs(desc, body)
	if err != nil {
		return "", err
	}
	var codecs []string
	for _, in := range ins {
		codecs = append(codecs, string(in.track.Codec))
	}
	return strings.Join(codecs, " "), nil
}

// Descriptions of the shapes that cameras send: each has a text beside it that says
// what is odd about it, and what we take of it.
func TestCameraSDPs(t *testing.T) {
	files, err := filepath.Glob("testdata/sdp/*.sdp")
	if err != nil || len(files) < 13 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			note, err := os.ReadFile(strings.TrimSuffix(name, ".sdp") + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			_, want, _ := strings.Cut(strings.TrimSpace(string(note)), "want: ")
			got, err := codecsOf(text)
			if err != nil {
				got = "error"
				if len(err.Error()) < 10 {
					t.Errorf("no clear reason: %v", err)
				}
			}
			if got != want {
				t.Errorf("%s (%v), want %s\n%s", got, err, want, note)
			}
		})
	}
}

// What can be read stays as it is, to the byte.
func TestRepairLeavesGoodAlone(t *testing.T) {
	for _, text := range []string{scriptedSDP, head + "a=control:*\r\nm=audio 0 RTP/AVP 0\r\n"} {
		got, repairs := repairSDP([]byte(text))
		if string(got) != text || repairs != nil {
			t.Errorf("%q, %q", got, repairs)
		}
	}
}

func FuzzRepairSDP(f *testing.F) {
	files, _ := filepath.Glob("testdata/sdp/*.sdp")
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := readable(string(text))
		fixed, repairs := repairSDP(text)
		if before == nil && len(repairs) > 0 {
			t.Errorf("repaired what was good: %q", repairs)
		}
		if len(repairs) > 0 {
			if err := readable(string(fixed)); err != nil {
				t.Errorf("repaired to what cannot be read: %v\n%s", err, fixed)
			}
		}
		_, _ = codecsOf(text)
	})
}
