package camgate

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// TrackOptions describes a track to NewTrack.
type TrackOptions struct {
	Kind      Kind
	Codec     Codec
	ClockRate int // ticks per second of Unit.PTS and of the RTP timestamps
	Channels  int // audio only

	PayloadType uint8 // of the RTP packets, RFC 3550 section 5.1
	// RTPMap and FMTP are the SDP attributes (RFC 8866 section 6.6 and 6.15) of a
	// codec that is passed through; empty for an understood one.
	RTPMap, FMTP string

	Packetizer Packetizer
	Params     *Params
}

// Track is one elementary stream. All of it is immutable but the Params, which
// only the publisher changes.
type Track struct {
	ID int // index in the stream's list of tracks
	TrackOptions

	SSRC uint32 // RTP synchronisation source of the packets, random

	tsBase   uint32 // RTP timestamp of PTS 0, random (RFC 3550 section 5.1)
	params   atomic.Pointer[Params]
	reorders atomic.Bool
	arrived  atomic.Uint64

	// Owned by the publisher.
	nextSeq uint16
}

// NewTrack makes a track. Its ID is given when it is started on a stream.
func NewTrack(opts TrackOptions) *Track {
	t := &Track{
		TrackOptions: opts,
		SSRC:         rand.Uint32(),
		tsBase:       rand.Uint32(),
		nextSeq:      uint16(rand.Uint32N(1 << 15)),
	}
	p := opts.Params
	if p == nil {
		p = &Params{}
	}
	t.params.Store(p)
	return t
}

// Follow lets the track's RTP timestamps begin where those of another one do, which it
// copies or makes anew: so all tracks that are made of one in the same way have the same
// timestamps, and a viewer can go over from one to the other. It is called before the
// track is started.
func (t *Track) Follow(of *Track) { t.tsBase = of.tsBase }

// Params returns the current parameters, never nil.
func (t *Track) Params() *Params { return t.params.Load() }

// SetParams replaces the parameters; for the publisher only. Consumers see the
// change by the pointer that Params returns.
func (t *Track) SetParams(p *Params) { t.params.Store(p) }

// Reorders reports whether pictures come in another order than they are shown in,
// as B-frames make them. It is false until the first one is seen.
func (t *Track) Reorders() bool { return t.reorders.Load() }

// SetReorders notes that pictures are not in their order, or (for a new session of
// the source) that none is known to be.
func (t *Track) SetReorders(reorders bool) { t.reorders.Store(reorders) }

// Beyond420 reports whether H264 has more than 8 bits or 4:2:0, which many decoders do not take:
// High 10, High 4:2:2, High 4:4:4 Predictive, CAVLC 4:4:4 (ISO/IEC 14496-10 annex A.2).
func (t *Track) Beyond420() bool {
	sps := t.Params().SPS
	return t.Codec == H264 && len(sps) > 3 && slices.Contains([]byte{110, 122, 244, 44}, sps[1])
}

// Arrived returns how many complete access units of the track came from the
// source, also those that were not published: for watchdogs.
func (t *Track) Arrived() uint64 { return t.arrived.Load() }

// NoteArrival counts one more; for the publisher only.
func (t *Track) NoteArrival() { t.arrived.Add(1) }

// RTPTime returns the RTP timestamp that belongs to a presentation time in ticks.
func (t *Track) RTPTime(pts int64) uint32 { return t.tsBase + uint32(pts) }

// Duration converts ticks of the track's clock into time.
func (t *Track) Duration(ticks int64) time.Duration {
	if t.ClockRate == 0 {
		return 0
	}
	rate := int64(t.ClockRate)
	// Whole seconds first, so that days of ticks do not overflow.
	return time.Duration(ticks/rate)*time.Second + time.Duration(ticks%rate)*time.Second/time.Duration(rate)
}

// Ticks converts a time into ticks of the track's clock, rounded to the nearest.
func (t *Track) Ticks(d time.Duration) int64 {
	rate := int64(t.ClockRate)
	s, rest := int64(d/time.Second), int64(d%time.Second)
	half := int64(time.Second / 2)
	if rest < 0 {
		half = -half
	}
	return s*rate + (rest*rate+half)/int64(time.Second)
}

// same reports whether a reader of t can go on with units of o.
func (t *Track) same(o *Track) bool {
	return t.Kind == o.Kind && t.Codec == o.Codec && t.ClockRate == o.ClockRate &&
		t.Channels == o.Channels && t.RTPMap == o.RTPMap && t.FMTP == o.FMTP
}
