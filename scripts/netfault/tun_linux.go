package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// tun makes a TUN device in a namespace.
func tun(ns, name, addr string) (*os.File, error) {
	var f *os.File
	ch := make(chan error, 1)
	go func() { // a locked thread that is never unlocked ends with the goroutine
		runtime.LockOSThread()
		ch <- func() error {
			n, err := os.Open("/run/netns/" + ns)
			if err != nil {
				return err
			}
			defer n.Close()
			if err := unix.Setns(int(n.Fd()), unix.CLONE_NEWNET); err != nil {
				return err
			}
			fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
			if err != nil {
				return fmt.Errorf("/dev/net/tun: %w", err)
			}
			ifr, err := unix.NewIfreq(name)
			if err != nil {
				return err
			}
			ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
				return fmt.Errorf("TUNSETIFF: %w", err)
			}
			f = os.NewFile(uintptr(fd), name)
			return nil
		}()
	}()
	if err := <-ch; err != nil {
		return nil, err
	}
	for _, c := range [][]string{
		{"-n", ns, "link", "set", "lo", "up"}, {"-n", ns, "addr", "add", addr, "dev", name},
		{"-n", ns, "link", "set", name, "up", "multicast", "on"}, {"-n", ns, "route", "replace", "default", "dev", name},
	} {
		if o, err := exec.Command("ip", c...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ip %v: %w: %s", c, err, o)
		}
	}
	return f, nil
}
