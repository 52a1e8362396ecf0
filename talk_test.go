package camgate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// loudspeaker counts what comes to it.
type loudspeaker struct{ packets, begins int }

func (l *loudspeaker) voice(_ uint32, begins bool, _ []byte) {
	if l.packets++; begins {
		l.begins++
	}
}

// noise is what is no silence.
func noise() []byte { return make([]byte, 160) }

func TestTalkLimits(t *testing.T) {
	silence := make([]byte, 160)
	for i := range silence {
		silence[i] = 0xff
	}
	tests := map[string]struct {
		sound  func(since time.Duration) []byte // each 100 ms; nil: nothing comes
		away   time.Duration                    // when the camera leaves; 0: it does not
		want   error
		lasted time.Duration
	}{
		"nothing": {func(time.Duration) []byte { return nil }, 0, ErrTimeout, 10 * time.Second},
		"silence": {func(time.Duration) []byte { return silence }, 0, ErrTimeout, 10 * time.Second},
		"falls silent": {func(d time.Duration) []byte {
			if d < 5*time.Second {
				return noise()
			}
			return silence
		}, 0, ErrTimeout, 15 * time.Second},
		"talks on":    {func(time.Duration) []byte { return noise() }, 0, ErrForbidden, time.Minute},
		"camera away": {func(time.Duration) []byte { return noise() }, 20 * time.Second, ErrNotReady, 30 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l loudspeaker
				b := NewBackChannel(TalkLimits{Length: time.Minute})
				end := b.Open(PCMU, l.voice)
				talk, err := b.Talk("a", PCMU)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				for at := uint32(0); talk.Err() == nil; at += 800 {
					since := time.Since(start)
					if tc.away > 0 && since >= tc.away {
						end()
					}
					if sound := tc.sound(since); sound != nil {
						_ = talk.Write(at, sound) // it fails when it is over, as is found above
					}
					time.Sleep(100 * time.Millisecond)
				}
				<-talk.Done()
				if err := talk.Err(); !errors.Is(err, tc.want) {
					t.Errorf("%v", err)
				}
				if d := time.Since(start); d < tc.lasted-200*time.Millisecond || d > tc.lasted+200*time.Millisecond {
					t.Errorf("lasted %s, want %s", d, tc.lasted)
				}
			})
		})
	}
}

func TestBackChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l loudspeaker
		b := NewBackChannel(TalkLimits{})
		if _, err := b.Talk("a", PCMU); !errors.Is(err, ErrNoBackChannel) {
			t.Errorf("without a camera: %v", err)
		}
		end := b.Open(PCMU, l.voice)
		if _, err := b.Talk("a", PCMA); !errors.Is(err, ErrUnsupportedCodec) {
			t.Errorf("another codec: %v", err)
		}
		a, err := b.Talk("a", PCMU)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Talk("b", PCMU); !errors.Is(err, ErrTalkerActive) || err.Error() != "somebody talks already, from a" {
			t.Errorf("a second one: %v", err)
		}
		if info := b.Info(); info.Remote != "a" || info.Talks != 1 || info.Refused != 1 || info.Codec != PCMU {
			t.Errorf("%+v", info)
		}
		// The camera goes and comes back while he talks: what he says meanwhile is lost.
		_ = a.Write(5, noise())
		end()
		_ = a.Write(165, noise())
		end = b.Open(PCMU, l.voice)
		if err := a.Write(325, noise()); err != nil || l.packets != 2 || l.begins != 2 {
			t.Errorf("%v, %+v", err, l)
		}
		// A clock that jumps is put at the present.
		if err := a.Write(1<<31, noise()); err != nil || l.begins != 3 {
			t.Errorf("%v, %+v", err, l)
		}
		time.Sleep(time.Second)
		a.Close()
		a.Close()
		c, err := b.Talk("c", PCMU)
		if err != nil {
			t.Fatal(err)
		}
		if info := b.Info(); info.Spoken != time.Second || info.Remote != "c" {
			t.Errorf("%+v", info)
		}
		// Back with other sound: that is the end of a talk.
		end()
		defer b.Open(PCMA, l.voice)()
		if err := c.Err(); !errors.Is(err, ErrTracksChanged) {
			t.Errorf("another codec: %v", err)
		}
		end() // of a session that is long over
		if b.Codec() != PCMA {
			t.Error("an old session closes the new one's channel")
		}
	})
}

func TestMayTalk(t *testing.T) {
	tests := map[string]struct {
		user User
		ok   bool
	}{
		"admin":         {User{Role: RoleAdmin}, true},
		"viewer":        {User{Role: RoleViewer}, false},
		"who may":       {User{Role: RoleViewer, Talk: true}, true},
		"other streams": {User{Role: RoleViewer, Talk: true, Streams: []string{"yard"}}, false},
		"publisher":     {User{Role: RolePublisher, Talk: true}, false},
	}
	for name, tc := range tests {
		if err := tc.user.May(ActionTalk, "door"); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx := context.Background()
	if MayTalk(ctx) || !MayTalk(PermitTalk(ctx)) {
		t.Error("the context does not know who may talk")
	}
}
