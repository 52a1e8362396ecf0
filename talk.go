package camgate

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// TalkLimits bound how long one talker has a camera's loudspeaker. Zero values mean the
// defaults.
type TalkLimits struct {
	Silence time.Duration // without sound; default 10 s
	Length  time.Duration // in all; default 5 min
}

// Voice takes sound to a camera. It has one channel at 8,000 samples in a second, so that
// at and the sound are counted in them; begins says that nothing came right before it.
// It must not block, and may leave sound out.
type Voice func(at uint32, begins bool, sound []byte)

// BackChannel is the way of sound to the loudspeaker of a camera, for one talker at a
// time. A source opens it with each of its sessions; a talker stays through an outage that
// is no longer than he may be silent.
type BackChannel struct {
	limits TalkLimits
	epoch  time.Time // of the samples

	mu      sync.Mutex
	codec   Codec // empty: no source is there, or the camera has no loudspeaker
	voice   Voice
	opened  int // times
	talk    *Talk
	talks   uint64
	refused uint64
	spoken  time.Duration // of talks that are over
	ended   error         // why the last one is
}

// NewBackChannel makes one that nothing leads through yet.
func NewBackChannel(limits TalkLimits) *BackChannel {
	if limits.Silence == 0 {
		limits.Silence = 10 * time.Second
	}
	if limits.Length == 0 {
		limits.Length = 5 * time.Minute
	}
	return &BackChannel{limits: limits, epoch: time.Now()}
}

// Open is called by a source when its camera takes sound, PCMU or PCMA, until end. What
// is said comes to voice, never to two at a time, and not after end has returned.
func (b *BackChannel) Open(codec Codec, voice Voice) (end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened++
	session := b.opened
	b.codec, b.voice = codec, voice
	if t := b.talk; t != nil && t.codec != codec {
		t.end(fmt.Errorf("%w: the camera takes %s now", ErrTracksChanged, codec))
	} else if t != nil {
		t.begins = true
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.opened == session {
			b.voice, b.codec = nil, ""
		}
	}
}

// Codec returns what the camera takes now; empty: nothing.
func (b *BackChannel) Codec() Codec {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.codec
}

// Free tells why nobody can begin to talk now: ErrNoBackChannel, or ErrTalkerActive.
func (b *BackChannel) Free() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.free()
}

func (b *BackChannel) free() error {
	switch {
	case b.codec == "":
		return fmt.Errorf("%w: the camera takes no sound now", ErrNoBackChannel)
	case b.talk != nil:
		b.refused++
		return fmt.Errorf("%w, from %s", ErrTalkerActive, b.talk.remote)
	}
	return nil
}

// Talk is the place of one talker.
type Talk struct {
	channel *BackChannel
	codec   Codec
	remote  string
	since   time.Time
	done    chan struct{}

	// Guarded by the channel's lock.
	err    error
	heard  time.Time // when sound came last
	timer  *time.Timer
	begins bool
	first  uint32 // the talker's time of what is at base
	base   uint32 // of the camera's time
	begun  bool
}

// Talk takes the place, for sound of the codec that the camera takes. It fails as Free
// does, and with ErrUnsupportedCodec. The talker has to Close it.
func (b *BackChannel) Talk(remote string, codec Codec) (*Talk, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.free(); err != nil {
		return nil, err
	}
	if codec != b.codec {
		return nil, fmt.Errorf("%w: the camera takes %s", ErrUnsupportedCodec, b.codec)
	}
	now := time.Now()
	t := &Talk{channel: b, codec: codec, remote: remote, since: now, heard: now, done: make(chan struct{})}
	b.talk = t
	b.talks++
	t.timer = time.AfterFunc(min(b.limits.Silence, b.limits.Length), t.check)
	return t, nil
}

// check ends a talk that has come to a limit.
func (t *Talk) check() {
	b := t.channel
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	quiet, left := b.limits.Silence-now.Sub(t.heard), b.limits.Length-now.Sub(t.since)
	switch {
	case t.err != nil:
	case left <= 0:
		t.end(fmt.Errorf("%w: talked for %s, which is the limit", ErrForbidden, b.limits.Length))
	case quiet <= 0 && b.voice == nil:
		t.end(fmt.Errorf("%w: the camera is away", ErrNotReady))
	case quiet <= 0:
		t.end(fmt.Errorf("%w: no sound for %s", ErrTimeout, b.limits.Silence))
	default:
		t.timer.Reset(min(quiet, left))
	}
}

// end gives the place back; the lock is held, and the first reason counts.
func (t *Talk) end(reason error) {
	if t.err != nil {
		return
	}
	t.err, t.channel.ended = reason, reason
	t.timer.Stop()
	t.channel.spoken += time.Since(t.since)
	t.channel.talk = nil
	close(t.done)
}

// Done is closed when the talk is over.
func (t *Talk) Done() <-chan struct{} { return t.done }

// Err tells why the talk is over; nil: it is not.
func (t *Talk) Err() error {
	t.channel.mu.Lock()
	defer t.channel.mu.Unlock()
	return t.err
}

// Close ends the talk.
func (t *Talk) Close() {
	t.channel.mu.Lock()
	defer t.channel.mu.Unlock()
	t.end(ErrClosed)
}

const (
	// talkPiece is what goes to a camera at a time: 20 ms, which all of them take.
	talkPiece = 160
	// talkLead is how far the talker's clock may lie beside ours, in samples, before his
	// sound is put at the present: half a second.
	talkLead = 4000
)

// Write says something: at is the RTP timestamp that it came with. Sound while the camera
// is away is lost. It fails with the reason when the talk is over.
func (t *Talk) Write(at uint32, sound []byte) error {
	b := t.channel
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.err != nil {
		return t.err
	}
	now := time.Now()
	if !Silent(t.codec, sound) && b.voice != nil {
		t.heard = now
	}
	present := uint32(now.Sub(b.epoch) * 8000 / time.Second)
	when := t.base + at - t.first
	if off := int32(when - present); !t.begun || off > talkLead || off < -talkLead {
		t.begun, t.begins = true, true
		t.first, t.base, when = at, present, present
	}
	if b.voice == nil {
		return nil
	}
	for piece := range slices.Chunk(sound, talkPiece) {
		b.voice(when, t.begins, piece)
		t.begins = false
		when += uint32(len(piece))
	}
	return nil
}

// Silent tells whether G711 has nothing but zeros, as it comes from a microphone that is
// switched off.
func Silent(codec Codec, sound []byte) bool {
	zero := byte(0x7f) // and 0xff: PCMU, ITU-T G.711 table 2
	if codec == PCMA {
		zero = 0x55 // and 0xd5
	}
	return !slices.ContainsFunc(sound, func(v byte) bool { return v&0x7f != zero })
}

// TalkInfo is a snapshot of a back channel.
type TalkInfo struct {
	Codec   Codec     // that the camera takes now; empty: none
	Remote  string    // of who talks; empty: nobody does
	Since   time.Time // when he began
	Talks   uint64    // so far
	Refused uint64    // that wanted to while another one did
	Spoken  time.Duration
	Ended   error // why the last talk is over; ErrClosed: the talker ended it
}

// Info returns a snapshot.
func (b *BackChannel) Info() TalkInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	info := TalkInfo{Codec: b.codec, Talks: b.talks, Refused: b.refused, Spoken: b.spoken, Ended: b.ended}
	if t := b.talk; t != nil {
		info.Remote, info.Since = t.remote, t.since
		info.Spoken += time.Since(t.since)
	}
	return info
}

// SetBackChannel gives a stream the way to its camera's loudspeaker. It is called before
// anybody knows the stream.
func (s *Stream) SetBackChannel(b *BackChannel) { s.back = b }

// BackChannel returns it; nil: nobody can talk to what fills the stream.
func (s *Stream) BackChannel() *BackChannel { return s.back }
