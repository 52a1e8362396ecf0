package e2e

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate/rtsp"
)

// dissected is a packet of RTP or RTCP as tshark understands it: numbers by the names
// of its fields.
type dissected struct {
	rtcp   bool
	at     time.Time
	fields map[string]uint64
}

func (d dissected) kind() uint64 { return d.fields["rtcp.pt"] }

// capture has tshark listen while a camera is pulled whose address it chooses.
func capture(t *testing.T, transport rtsp.Transport, long time.Duration, begin func(address string) (stop func())) []dissected {
	t.Helper()
	port, file := freeTCP(t), filepath.Join(t.TempDir(), "wire.pcap")
	filter := fmt.Sprintf("tcp port %d", port)
	if transport == rtsp.TransportUDP {
		filter += " or udp" // on ports that are not known yet
	}
	var log lockedBuffer
	listen := exec.CommandContext(t.Context(), "tshark", "-q", "-i", "lo", "-B", "32", "-f", filter, "-w", file)
	listen.Stderr = &log
	if err := listen.Start(); err != nil {
		t.Fatal(err)
	}
	listening := within(20*time.Second, func() bool {
		return strings.Contains(log.String(), "Capture started") || strings.Contains(log.String(), "File:")
	})
	if !listening {
		t.Errorf("tshark does not listen:\n%s", log.String())
	}
	stop := begin(fmt.Sprintf("127.0.0.1:%d", port))
	within(long, func() bool { return false })
	stop()
	if err := listen.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := listen.Wait(); err != nil {
		t.Fatalf("tshark: %v\n%s", err, log.String())
	}
	// Others on this machine use UDP, too.
	ours := []string{fmt.Sprintf("tcp.port == %d", port)}
	agreed := read(t, file, port, "rtsp.transport", "-T", "fields", "-e", "rtsp.transport")
	for _, pair := range regexp.MustCompile(`(?:client|server)_port=(\d+)-(\d+)`).FindAllStringSubmatch(agreed.String(), -1) {
		ours = append(ours, "udp.port == "+pair[1], "udp.port == "+pair[2])
	}
	packets := dissect(t, read(t, file, port, "(rtp or rtcp) and ("+strings.Join(ours, " or ")+")", "-T", "pdml"))
	for _, p := range packets {
		if ok, checked := p.fields["rtcp.length_check"]; checked && ok != 1 {
			t.Errorf("a compound packet has a wrong length: %v", p.fields)
		}
	}
	return packets
}

// read has tshark print what fits a filter.
func read(t *testing.T, file string, port int, filter string, how ...string) *bytes.Buffer {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "tshark", append([]string{"-r", file, "-d", fmt.Sprintf("tcp.port==%d,rtsp", port), "-Y", filter}, how...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark: %v\n%s", err, errs.String())
	}
	return &out
}

// dissect reads PDML.
func dissect(t *testing.T, r io.Reader) (out []dissected) {
	t.Helper()
	d := xml.NewDecoder(r)
	var at time.Time
	var now *dissected
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attr := map[string]string{}
		for _, a := range e.Attr {
			attr[a.Name.Local] = a.Value
		}
		name := attr["name"]
		switch {
		case e.Name.Local == "proto" && (name == "rtp" || name == "rtcp"):
			out = append(out, dissected{rtcp: name == "rtcp", at: at, fields: map[string]uint64{}})
			now = &out[len(out)-1]
		case e.Name.Local == "proto":
			now = nil
			if strings.HasPrefix(name, "_ws.malformed") {
				t.Errorf("malformed: %s", attr["showname"])
			}
		case name == "frame.time_epoch":
			s, _ := strconv.ParseFloat(attr["show"], 64)
			at = time.UnixMicro(int64(s * 1e6))
		case now != nil && name != "":
			text, base := attr["show"], 10
			if hex, is := strings.CutPrefix(text, "0x"); is {
				text, base = hex, 16
			}
			if _, first := now.fields[name]; !first {
				if n, err := strconv.ParseInt(text, base, 64); err == nil {
					now.fields[name] = uint64(n)
				}
			}
		}
	}
}
