package fakecam_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// A camera that stops, and one that goes on when the fault is taken away.
func TestStops(t *testing.T) {
	const after = 1200 * time.Millisecond // much longer than a camera waits for a processor
	for _, name := range []string{"silence", "frozen-tcp", "no-rr-stop"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := withFaults(t, name+"="+after.String())
			c := connect(t, cam)
			c.play("tcp")
			if n := c.drain(after); n < 80 {
				t.Errorf("only %d packets before", n)
			}
			c.send("OPTIONS", c.url)
			if name == "frozen-tcp" {
				if !c.silent(300 * time.Millisecond) {
					t.Error("it says something")
				}
				cam.Clear(name)
			}
			if a, err := c.receive(); err != nil || a.status != 200 {
				t.Fatal(a, err)
			}
			if name != "frozen-tcp" && len(c.early) > 0 {
				t.Errorf("%d packets after it stopped", len(c.early))
			}
			switch name {
			case "no-rr-stop":
				c.report(0, rtcp.ReceptionReport{})
			case "silence":
				cam.Clear()
			}
			c.packets(0, 10)
		})
	}
}

func TestAtOnceFromOutside(t *testing.T) {
	t.Parallel()
	cam := withFaults(t)
	c := connect(t, cam)
	c.play("tcp")
	c.packets(0, 10)
	if err := cam.Set("silence"); err != nil {
		t.Fatal(err)
	}
	c.drain(200 * time.Millisecond)
	cam.Clear()
	c.packets(0, 10)
	cam.Kill()
	if err := c.ends(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("killed: %v", err)
	}
	again := connect(t, cam)
	again.play("tcp")
	cam.Leave()
	if err := again.ends(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("left: %v", err)
	}
	if _, err := dial(t, cam); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("away: %v", err)
	}
	if err := cam.Return(); err != nil {
		t.Fatal(err)
	}
	back := connect(t, cam)
	back.play("tcp")
	back.packets(0, 10)
}

// Connections that end, and how.
func TestEnds(t *testing.T) {
	tests := []struct {
		fault string
		want  error
	}{
		{"kill=300ms", syscall.ECONNRESET},
		{"hang-up=300ms", io.EOF},
		{"gone=300ms,500ms", syscall.ECONNRESET},
		{"keepalive-required=300ms", io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			cam := withFaults(t, tt.fault)
			c := connect(t, cam)
			c.play("tcp")
			c.packets(0, 10)
			began := time.Now()
			if err := c.ends(); !errors.Is(err, tt.want) {
				t.Errorf("ended by %v, want %v", err, tt.want)
			}
			if d := time.Since(began); d > 2*time.Second {
				t.Errorf("after %v", d)
			}
			if !strings.HasPrefix(tt.fault, "gone") {
				return
			}
			if _, err := dial(t, cam); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("away: %v", err)
			}
			for deadline := time.Now().Add(patience); ; {
				if c, err := dial(t, cam); err == nil {
					c.play("tcp")
					c.packets(0, 10)
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("does not come back")
				}
			}
		})
	}
}

func TestKeepAliveKeeps(t *testing.T) {
	t.Parallel()
	cam := withFaults(t, "keepalive-required=1600ms", "get-parameter-501", "video-only")
	c := connect(t, cam)
	c.play("tcp")
	c.packets(0, 5)
	if a := c.do("GET_PARAMETER", c.url); a.status != 501 {
		t.Errorf("GET_PARAMETER: %d", a.status)
	}
	for range 8 {
		c.drainFor(600 * time.Millisecond)
		c.must("OPTIONS", c.url)
	}
	if n := cam.Status().KeepAlives; n != 8 {
		t.Errorf("%d keep-alives", n)
	}
}

// drainFor reads packets for a time.
func (c *client) drainFor(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		if _, err := c.next(); err != nil {
			c.t.Fatal(err)
		}
	}
}
