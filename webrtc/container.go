package webrtc

import (
	"io/fs"
	"strings"
)

// container tells in which kind of container the program runs, if it has a network of
// its own there that others reach by published ports only; "" otherwise. root is the
// file system from "/" on.
func container(root fs.FS) string {
	kind := containerKind(root)
	if kind == "" || !bridged(root) {
		return ""
	}
	return kind
}

func containerKind(root fs.FS) string {
	for _, of := range []struct{ file, kind string }{{".dockerenv", "Docker"}, {"run/.containerenv", "Podman"}} {
		if _, err := fs.Stat(root, of.file); err == nil {
			return of.kind
		}
	}
	groups, err := fs.ReadFile(root, "proc/1/cgroup")
	if err != nil {
		return ""
	}
	for _, of := range []struct{ word, kind string }{
		{"docker", "Docker"}, {"libpod", "Podman"}, {"kubepods", "Kubernetes"}, {"lxc", "LXC"}, {"containerd", "containerd"},
	} {
		if strings.Contains(string(groups), of.word) {
			return of.kind
		}
	}
	return ""
}

// bridged reports whether all network interfaces are ends of a tunnel to the machine:
// one of a pair (its other end, which the kernel names by number, is elsewhere), or a
// tap. With the machine's own network there are others.
func bridged(root fs.FS) bool {
	const dir = "sys/class/net"
	names, err := fs.ReadDir(root, dir)
	if err != nil {
		return false
	}
	found := false
	for _, n := range names {
		if n.Name() == "lo" {
			continue
		}
		index, err := fs.ReadFile(root, dir+"/"+n.Name()+"/ifindex")
		if err != nil {
			continue // a file, not an interface
		}
		peer, err := fs.ReadFile(root, dir+"/"+n.Name()+"/iflink")
		if err != nil || (string(index) == string(peer) && !strings.HasPrefix(n.Name(), "tap")) {
			return false
		}
		found = true
	}
	return found
}

// explain says once what a container's network means for viewers.
func (s *Server) explain(root fs.FS) {
	if s.opts.LoopbackOnly || len(s.opts.Hosts) > 0 {
		return
	}
	if kind := container(root); kind != "" {
		s.log.Warn("the network of this container is hidden from viewers: WebRTC reaches those who ask by the machine's IP address, others may not see it",
			"reason", kind+`: run it with network_mode: host, or publish the port of webrtc.address for udp and tcp and name the machine in webrtc.public_hosts`)
	}
}
