package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// cmdStuck is the reader that every server fears: it asks for everything and takes
// nothing, while its connection stays.
func cmdStuck(args []string) error {
	fs := flag.NewFlagSet("stuck", flag.ExitOnError)
	url := fs.String("url", "", "URL of the stream")
	dur := fs.Duration("t", time.Minute, "run time")
	_ = fs.Parse(args)
	c, err := rtspDial(*url)
	if err != nil {
		return err
	}
	defer unix.Close(c.fd)
	_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<10) // else the kernel takes megabytes for it
	if _, err := c.setup("RTP/AVP/TCP;unicast;interleaved=0-1"); err != nil {
		return err
	}
	if err := c.send("PLAY", c.url, nil, ""); err != nil {
		return err
	}
	time.Sleep(*dur)
	return nil
}

// cmdChurn keeps N WebRTC readers coming and going. Every other one leaves without a
// word, as browsers do whose machine is switched off.
func cmdChurn(args []string) error {
	fs := flag.NewFlagSet("churn", flag.ExitOnError)
	url := fs.String("url", "", "WHEP URL of the stream")
	n := fs.Int("n", 50, "readers at a time, at most")
	dur := fs.Duration("t", time.Minute, "run time")
	stay := fs.Duration("stay", 2*time.Second, "how long a reader stays, in the mean")
	_ = fs.Parse(args)
	srtpSuite = "gcm128"
	l, err := newLoop(3 * time.Millisecond)
	if err != nil {
		return err
	}
	defer l.close()
	var mu sync.Mutex
	joins, failed := 0, 0
	end := time.Now().Add(*dur)
	var wg sync.WaitGroup
	for range *n {
		wg.Go(func() {
			for i := 0; ; i++ {
				time.Sleep(time.Duration(rand.Int64N(int64(*stay))))
				if time.Now().After(end) {
					return
				}
				p, err := openPeer(l, *url, nil)
				mu.Lock()
				joins++
				if err != nil {
					if failed++; failed <= 3 {
						fmt.Fprintln(os.Stderr, "join:", err)
					}
				}
				mu.Unlock()
				if err != nil {
					continue
				}
				time.Sleep(time.Duration(rand.Int64N(int64(2 * *stay))))
				if i%2 == 1 {
					p.session = "" // no DELETE
				}
				p.close()
			}
		})
	}
	wg.Wait()
	report{"test": "churn", "joins": joins, "failed_joins": failed, "readers_at_a_time": *n}.print()
	return nil
}
