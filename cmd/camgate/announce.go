package main

import (
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/camgate/camgate/cmd/camgate/config"
)

// announce prints where to find what is served: each address of the demo, else the
// dashboard and the shape of the others.
func announce(w io.Writer, cfg *config.Config, demo bool) {
	name := "NAME"
	if demo {
		name = config.DemoStream
	}
	page := "http://" + reachable(cfg.HTTP.Address) + "/"
	rows := [][2]string{{"dashboard", page}, {"page", page + name}}
	add := func(on bool, what, url string) {
		if on {
			rows = append(rows, [2]string{what, url})
		}
	}
	add(cfg.RTSP.Address != "", "RTSP", "rtsp://"+reachable(cfg.RTSP.Address)+"/"+name)
	add(cfg.RTSPS(), "RTSPS", "rtsps://"+reachable(cfg.RTSP.TLSAddress)+"/"+name)
	add(cfg.WebRTC.Address != "", "WHEP", page+name+"/whep")
	add(true, "HLS", page+name+"/index.m3u8")
	add(true, "MJPEG", page+name+"/mjpeg")
	add(true, "snapshot", page+name+"/snapshot.jpg")

	var b strings.Builder
	fmt.Fprintf(&b, "camgate %s\n", versionName())
	for _, row := range rows {
		fmt.Fprintf(&b, "  %-10s %s\n", row[0], row[1])
	}
	_, _ = io.WriteString(w, b.String()) // nobody may be listening
}

// reachable makes of a listening address one to connect to from this machine.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
