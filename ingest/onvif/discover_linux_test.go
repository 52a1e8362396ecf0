package onvif

import (
	"encoding/xml"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// inNetwork is set for the test that runs in a network of its own.
const inNetwork = "CAMGATE_TEST_IN_NETWORK"

// What is sent to a group must not leave the machine: the test runs itself again in an
// empty network.
func TestDiscover(t *testing.T) {
	if os.Getenv(inNetwork) != "" {
		discoverInside(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiscover$", "-test.v")
	cmd.Env = append(os.Environ(), inNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestDiscover") {
		t.Errorf("%v\n%s", err, out)
	}
}

// answers is one camera's to a probe.
func answers(id, types, scopes, xaddrs string) string {
	return `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch><wsa:EndpointReference><wsa:Address>` +
		id + `</wsa:Address></wsa:EndpointReference><d:Types>` + types + `</d:Types><d:Scopes>` + scopes + `</d:Scopes><d:XAddrs>` + xaddrs + `</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

// responder answers probes that come to a group on an interface.
func responder(t *testing.T, network, group, name, answer string) (end func()) {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenMulticastUDP(network, i, &net.UDPAddr{IP: net.ParseIP(group), Port: discoveryPort})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			var probe struct {
				ID    string `xml:"Header>MessageID"`
				Types string `xml:"Body>Probe>Types"`
			}
			if err := xml.Unmarshal(buf[:n], &probe); err != nil || !strings.HasPrefix(probe.ID, "urn:uuid:") || !strings.Contains(probe.Types, ":") {
				t.Errorf("probe %s: %v", buf[:n], err)
			}
			for _, datagram := range []string{"nonsense", answer, answers("printer", "w:PrintDevice", "", "http://10.1.0.9/"), answer} {
				_, _ = conn.WriteToUDP([]byte(datagram), from)
			}
		}
	})
	return func() { conn.Close(); all.Wait() }
}

func discoverInside(t *testing.T) {
	for _, args := range []string{
		"link set lo up", "link add one type veth peer name one-b", "link add two type veth peer name two-b",
		"addr add 10.1.0.1/24 dev one", "addr add 10.2.0.1/24 dev two", "link set one up", "link set one-b up", "link set two up", "link set two-b up",
		"-6 addr add fe80::77/64 dev two nodad",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", args, err, out)
		}
	}
	end := responder(t, "udp4", "239.255.255.250", "lo", answers("a", "dn:NetworkVideoTransmitter", "onvif://www.onvif.org/name/Front%20Door onvif://www.onvif.org/hardware/IPC-1", "http://127.0.0.1/onvif/device_service http://[fe80::1]/onvif/device_service"))
	found, asked, err := Discover(t.Context(), DiscoverOptions{Interface: "lo", Timeout: 500 * time.Millisecond})
	if err != nil || len(found) != 1 || strings.Join(asked, " ") != "lo" {
		t.Fatalf("on lo: %+v, %v, %v", found, asked, err)
	}
	if d := found[0]; d.Name != "Front Door" || d.Hardware != "IPC-1" || d.Address != "127.0.0.1" || len(d.XAddrs) != 2 || d.Source != "onvif://USER:PASSWORD@127.0.0.1" {
		t.Errorf("%+v", d)
	}
	end() // a group's sockets hear of it on all interfaces
	defer responder(t, "udp4", "239.255.255.250", "one", answers("b", "tds:Device", "onvif://www.onvif.org/name/B%0A%1b[31m", "http://192.168.99.99:8000/onvif/device_service"))()
	defer responder(t, "udp6", "ff02::c", "two", answers("c", "dn:NetworkVideoTransmitter", "", "http://10.2.0.7/onvif/device"))()
	began := time.Now()
	found, asked, err = Discover(t.Context(), DiscoverOptions{Timeout: 1500 * time.Millisecond})
	if err != nil || !slices.Contains(asked, "one") || !slices.Contains(asked, "two") || slices.Contains(asked, "lo") {
		t.Errorf("asked on %v: %v", asked, err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	got := map[string]Device{}
	for _, d := range found {
		got[d.id] = d
	}
	if len(got) != 2 {
		t.Fatalf("%+v on %v, want b and c", found, asked)
	}
	if d := got["b"]; d.Name != "B [31m" || d.Source != "onvif://USER:PASSWORD@10.1.0.1:8000" {
		t.Errorf("%+v", d)
	}
	if d := got["c"]; d.Source != "onvif://USER:PASSWORD@10.2.0.7/onvif/device" || d.Interface == "" || !strings.HasPrefix(d.Address, "fe80::") {
		t.Errorf("%+v", d)
	}
	if _, _, err := Discover(t.Context(), DiscoverOptions{Interface: "nowhere"}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("an interface that is not there: %v", err)
	}
}

func TestSourceOf(t *testing.T) {
	tests := []struct{ xaddrs, from, want string }{
		{"http://10.0.0.5/onvif/device_service", "10.0.0.5", "onvif://USER:PASSWORD@10.0.0.5"},
		{"http://10.0.0.5:80/onvif/device_service", "10.0.0.5", "onvif://USER:PASSWORD@10.0.0.5"},
		{"http://10.0.0.5:8899/", "10.0.0.5", "onvif://USER:PASSWORD@10.0.0.5:8899"},
		{"https://10.0.0.5/onvif/device_service", "10.0.0.5", "onvifs://USER:PASSWORD@10.0.0.5"},
		{"https://10.0.0.5/onvif/device_service http://10.0.0.5/onvif/device_service", "10.0.0.5", "onvif://USER:PASSWORD@10.0.0.5"},
		{"http://169.254.3.4/onvif/device_service http://10.0.0.5/onvif/device_service", "10.0.0.5", "onvif://USER:PASSWORD@10.0.0.5"},
		{"http://camera.local/onvif/a%22b", "10.0.0.5", "onvif://USER:PASSWORD@10.0.0.5/onvif/a%22b"},
		{"http://[fd00::5]:8000/onvif/device_service", "fe80::5", "onvif://USER:PASSWORD@[fd00::5]:8000"},
		{"http://[fe80::5]/onvif/device_service", "fe80::5", ""},
		{"http://1.2.3.4/onvif/device_service", "fd00::9", "onvif://USER:PASSWORD@[fd00::9]"},
	}
	for _, tt := range tests {
		list := devicesOf([]byte(answers("x", "dn:NetworkVideoTransmitter", "", tt.xaddrs)), netip.MustParseAddr(tt.from))
		if len(list) != 1 || list[0].Source != tt.want {
			t.Errorf("%s from %s: %+v, want %s", tt.xaddrs, tt.from, list, tt.want)
		}
	}
}

// FuzzDevices: an answer of whoever is in the network.
func FuzzDevices(f *testing.F) {
	f.Add(answers("x", "dn:NetworkVideoTransmitter", "onvif://www.onvif.org/name/A%ff onvif://www.onvif.org/hardware", "http://a:b@[fe80::1%25eth0]:1/\" https://x"))
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range devicesOf([]byte(text), netip.MustParseAddr("10.0.0.5")) {
			if all := d.Name + d.Hardware + d.Source + strings.Join(d.XAddrs, " "); strings.ContainsAny(all, "\r\n\x1b") || strings.ContainsAny(d.Source, "\"'\\ ") {
				t.Fatalf("%q", all)
			}
		}
	})
}
