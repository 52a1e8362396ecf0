package webrtc

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// machine makes a file system of a machine with network interfaces; those named "x@y"
// are ends of something else.
func machine(files map[string]string, interfaces ...string) fs.FS {
	root := fstest.MapFS{"sys/class/net/lo/ifindex": {Data: []byte("1\n")}, "sys/class/net/lo/iflink": {Data: []byte("1\n")}}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, name := range interfaces {
		name, peer, pair := strings.Cut(name, "@")
		if !pair {
			peer = "7"
		}
		root["sys/class/net/"+name+"/ifindex"] = &fstest.MapFile{Data: []byte("7\n")}
		root["sys/class/net/"+name+"/iflink"] = &fstest.MapFile{Data: []byte(peer + "\n")}
	}
	return root
}

func TestContainer(t *testing.T) {
	docker := map[string]string{".dockerenv": ""}
	for name, c := range map[string]struct {
		root fs.FS
		want string
	}{
		"a machine":               {machine(nil, "eth0"), ""},
		"a machine with bridges":  {machine(map[string]string{"proc/1/cgroup": "0::/init.scope\n"}, "eth0", "docker0", "veth1@3"), ""},
		"Docker":                  {machine(docker, "eth0@12"), "Docker"},
		"Docker, host network":    {machine(docker, "eth0", "docker0"), ""},
		"Docker, two networks":    {machine(docker, "eth0@12", "eth1@14"), "Docker"},
		"Docker, no network":      {machine(docker), ""},
		"Podman":                  {machine(map[string]string{"run/.containerenv": ""}, "eth0@3"), "Podman"},
		"Podman without root":     {machine(map[string]string{"run/.containerenv": ""}, "tap0"), "Podman"},
		"by its control group":    {machine(map[string]string{"proc/1/cgroup": "12:cpu:/kubepods/besteffort/pod1\n"}, "eth0@3"), "Kubernetes"},
		"files in the net folder": {machine(map[string]string{".dockerenv": "", "sys/class/net/bonding_masters": "\n"}, "eth0@3"), "Docker"},
		"nothing":                 {fstest.MapFS{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := container(c.root); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// It is explained once, at start, and only where it helps.
func TestContainerExplained(t *testing.T) {
	inside := machine(map[string]string{".dockerenv": ""}, "eth0@12")
	for name, c := range map[string]struct {
		opts Options
		want int
	}{
		"inside":        {Options{root: inside}, 1},
		"outside":       {Options{root: machine(nil, "eth0")}, 0},
		"configured":    {Options{root: inside, Hosts: []string{"192.0.2.1"}}, 0},
		"loopback only": {Options{root: inside, LoopbackOnly: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c.opts.UDPAddress, c.opts.Logger = "127.0.0.1:0", slog.New(slog.NewTextHandler(&log, nil))
			s, err := New(c.opts)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = s.Run(ctx) })
			cancel()
			running.Wait()
			if n := strings.Count(log.String(), "public_hosts"); n != c.want {
				t.Errorf("said %d times, want %d:\n%s", n, c.want, &log)
			}
		})
	}
}
