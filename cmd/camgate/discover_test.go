package main

import (
	"strings"
	"testing"

	"github.com/camgate/camgate/ingest/onvif"
)

func TestPrintDevices(t *testing.T) {
	var b strings.Builder
	printDevices(&b, []onvif.Device{
		{Name: "Front Door", Hardware: "IPC", Address: "10.0.0.5", Interface: "eth0", XAddrs: []string{"http://10.0.0.5/onvif/device_service"}, Source: "onvif://USER:PASSWORD@10.0.0.5"},
		{Name: "front-door", Address: "10.0.0.6", Source: "onvif://USER:PASSWORD@10.0.0.6"},
		{Hardware: "4K", Address: "fe80::1"}, {Name: "Yes", Source: "onvif://h"}, {Name: "4K", Source: "onvif://h"}, {Source: "onvif://h"},
	})
	for _, want := range []string{
		"10.0.0.5  Front Door\n  hardware   IPC\n  interface  eth0\n  service    http://10.0.0.5/onvif/device_service\n" +
			"  config     front-door: {source: \"onvif://USER:PASSWORD@10.0.0.5\"}\n",
		"front-door-2: {", "link-local addresses only", "camera-yes: {", "camera-4k: {", "camera: {",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	b.Reset()
	if err := printJSON(&b, nil); err != nil || b.String() != "[]\n" {
		t.Errorf("%q, %v", &b, err)
	}
}
