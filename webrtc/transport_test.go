package webrtc

import (
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// A viewer that nominates another path moves to it, but for the several nominations
// at its beginning.
func TestMoves(t *testing.T) {
	candidate := func(ip string) ice.Candidate {
		c, err := ice.NewCandidatePeerReflexive(&ice.CandidatePeerReflexiveConfig{Network: "udp", Address: ip, Port: 4000, Component: 1})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	check := func(attributes ...stun.Setter) *stun.Message {
		return stun.MustBuild(append([]stun.Setter{stun.BindingRequest, stun.TransactionID}, attributes...)...)
	}
	nominate := stun.RawAttribute{Type: stun.AttrUseCandidate}
	at := func(age time.Duration) *path {
		return &path{udp: true, remote: address("192.0.2.1", 4000), since: time.Now().Add(-age)}
	}
	for name, c := range map[string]struct {
		path   *path
		check  *stun.Message
		remote string
		want   bool
	}{
		"not connected": {nil, check(nominate), "192.0.2.2", false},
		"at first":      {at(time.Second), check(nominate), "192.0.2.2", false},
		"later":         {at(time.Minute), check(nominate), "192.0.2.2", true},
		"only a check":  {at(time.Minute), check(), "192.0.2.2", false},
		"the same":      {at(time.Minute), check(nominate), "192.0.2.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			x := &transport{}
			x.path.Store(c.path)
			if got := x.moves(c.check, nil, candidate(c.remote), nil); got != c.want {
				t.Errorf("moves: %v", got)
			}
		})
	}
}
