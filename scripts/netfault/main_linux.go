// Command netfault is a link with faults, for machines whose kernel has no sch_netem: it
// joins two network namespaces with a pair of TUN devices and carries every IP packet
// between them. It can drop, delay, jitter, reorder, duplicate and slow them down.
//
//	netfault -a nsA -b nsB -delay 50ms -jitter 10ms -loss 5 -rate 4mbit -- COMMAND...
//
// The namespaces must exist (ip netns add). It runs COMMAND once the link is up, ends
// with its status, and prints what the link carried on standard error. Lines on
// standard input change the faults while it runs: "loss 100", "delay 200ms". It needs
// root and the ip command.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	a, b := flag.String("a", "", "first namespace"), flag.String("b", "", "second namespace")
	aa, ba := flag.String("a-addr", "10.9.9.1/24", ""), flag.String("b-addr", "10.9.9.2/24", "")
	dir := flag.String("dir", "both", "which direction has the faults: both, ab or ba")
	vals := map[string]*string{}
	for _, k := range []string{"loss", "dup", "reorder", "delay", "jitter", "rate"} {
		vals[k] = flag.String(k, "", "")
	}
	limit := flag.Int("limit", 1000, "packets waiting at most")
	flag.Parse()
	ab, bb := &faults{limit: *limit}, &faults{limit: *limit}
	both := map[string][]*faults{"both": {ab, bb}, "ab": {ab}, "ba": {bb}}[*dir]
	for k, v := range vals {
		for _, f := range both {
			if *v != "" {
				if err := f.set(k, *v); err != nil {
					fmt.Fprintln(os.Stderr, k, err)
					os.Exit(2)
				}
			}
		}
	}
	ta, err := tun(*a, "nf0", *aa)
	if err == nil {
		var tb *os.File
		if tb, err = tun(*b, "nf0", *ba); err == nil {
			go ab.carry(ta, tb)
			go bb.carry(tb, ta)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "netfault:", err)
		os.Exit(1)
	}
	go func() {
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			if w := strings.Fields(s.Text()); len(w) == 2 {
				for _, f := range both {
					if err := f.set(w[0], w[1]); err != nil {
						fmt.Fprintln(os.Stderr, err)
					}
				}
			}
		}
	}()
	rc := 0
	if flag.NArg() > 0 {
		c := exec.Command(flag.Arg(0), flag.Args()[1:]...)
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		var e *exec.ExitError
		if err := c.Run(); errors.As(err, &e) {
			rc = e.ExitCode()
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			rc = 127
		}
	} else {
		select {}
	}
	fmt.Fprintf(os.Stderr, "netfault a>b sent=%d dropped=%d dup=%d; b>a sent=%d dropped=%d dup=%d\n",
		ab.sent.Load(), ab.dropped.Load(), ab.duped.Load(), bb.sent.Load(), bb.dropped.Load(), bb.duped.Load())
	os.Exit(rc)
}
