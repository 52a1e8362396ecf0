package rtsp

import (
	"io"
	"net"
	"testing"
	"time"
)

// A peer that begins a message and does not go on keeps no buffer from others.
func TestInbufParks(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var pool inbufPool
	in := newInbuf(c, &pool).(*socketBuf)
	want := ""
	for i, n := range []int{10, 20000, 30000, 3} { // the third makes it too much to be put aside
		sent := string(pattern(n))
		want += sent
		if _, err := io.WriteString(peer, sent); err != nil {
			t.Fatal(err)
		}
		for len(in.unread()) < len(want) {
			if err := in.more(); err != nil {
				t.Fatal(err)
			}
		}
		parked := make(chan bool)
		in.call = func(fd uintptr) bool {
			done := in.read(fd)
			if !done {
				parked <- in.buf == nil
			}
			return done
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		failed := make(chan error)
		go func() { failed <- in.more() }()
		if got := <-parked; got != (len(want) <= maxParked) {
			t.Errorf("%d: parked: %v", i, got)
		}
		_ = c.SetReadDeadline(time.Unix(1, 0))
		if err := <-failed; !isTimeout(err) || string(in.unread()) != want {
			t.Errorf("%d: %v, and %d bytes of %d", i, err, len(in.unread()), len(want))
		}
		in.call = in.read
		_ = c.SetReadDeadline(time.Time{})
	}
}
