package camgate

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewAttempts(3, time.Minute)
		home, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		for range 3 {
			if err := l.Take(home); err != nil {
				t.Fatal(err)
			}
		}
		var refused *TooManyAttemptsError
		if err := l.Take(home); !errors.Is(err, ErrTooManyAttempts) || !errors.As(err, &refused) || !refused.First || refused.Wait != time.Minute {
			t.Fatalf("the fourth: %v", err)
		}
		if err := l.Take(home); !errors.As(err, &refused) || refused.First {
			t.Errorf("the fifth: %v", err)
		}
		if AnswerTo(refused).HTTP != 429 {
			t.Errorf("answer %+v", AnswerTo(refused))
		}
		if err := l.Take(other); err != nil {
			t.Errorf("another address: %v", err)
		}
		l.GiveBack(other)
		l.GiveBack(home)
		if err := l.Take(home); err != nil {
			t.Errorf("after a right one: %v", err)
		}
		time.Sleep(time.Minute + 1) // on the fake clock
		for range 3 {
			if err := l.Take(home); err != nil {
				t.Errorf("in the next window: %v", err)
			}
		}
	})
}

func TestAttemptsAreBounded(t *testing.T) {
	l := NewAttempts(0, 0)
	for i := range maxAddresses + 50 {
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], uint32(i)+1)
		if err := l.Take(netip.AddrFrom4(ip)); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.from) > maxAddresses {
		t.Errorf("%d addresses", len(l.from))
	}
}

func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(ip)).String(); got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
	network(netip.Addr{}) // must not panic
}
