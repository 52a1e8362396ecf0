package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cmdSink is the receiving process of floor: it takes packets as the readers
// of a server would, and prints what arrived when its input closes.
func cmdSink(args []string) error {
	fs := flag.NewFlagSet("sink", flag.ExitOnError)
	n := fs.Int("n", 1, "readers")
	udp := fs.Bool("udp", false, "UDP")
	_ = fs.Parse(args)
	l, err := newLoop(3 * time.Millisecond)
	if err != nil {
		return err
	}
	flows := make([]flow, *n)
	if *udp {
		var ports []string
		for i := range flows {
			fd, p, err := udpSocket(2 << 20)
			if err != nil {
				return err
			}
			ports = append(ports, strconv.Itoa(p))
			if err = l.add(&port{fd: fd, udp: true, flow: &flows[i]}); err != nil {
				return err
			}
		}
		fmt.Println(strings.Join(ports, " "))
	} else {
		ln, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		fmt.Println(ln.Addr().(*net.TCPAddr).Port)
		for i := range flows {
			c, err := ln.AcceptTCP()
			if err != nil {
				return err
			}
			f, err := c.File() // a duplicate that the Go poller does not know
			c.Close()
			if err != nil {
				return err
			}
			fd, _ := unix.Dup(int(f.Fd()))
			f.Close()
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
			if err = l.add(&port{fd: fd, flow: &flows[i]}); err != nil {
				return err
			}
		}
	}
	in := bufio.NewReader(os.Stdin)
	var before usage
	for {
		line, err := in.ReadString('\n')
		switch {
		case line == "reset\n":
			l.snapshot(func() {
				for i := range flows {
					flows[i].reset()
				}
			})
			before, _ = account(os.Getpid())
		case err != nil: // who started us wants no more
			u, _ := account(os.Getpid())
			time.Sleep(20 * time.Millisecond)
			l.snapshot(func() {
				rep := report{"sink_cpu_s": round(u.cpu()-before.cpu(), 3)}
				p := make([]*flow, len(flows))
				for i := range flows {
					p[i] = &flows[i]
				}
				totals(rep, p, 1)
				rep.print()
			})
			return nil // that is how it ends
		}
	}
}
