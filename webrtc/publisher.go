package webrtc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/webrtc/v4"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

const (
	// receiveTick is how often it is looked what is missing.
	receiveTick = 10 * time.Millisecond
	// keyframePause is the time between two requests for a keyframe, at the least.
	keyframePause = 400 * time.Millisecond
	// keyframeOld is how old the newest request may be when a viewer joins: the cached
	// GOP does for him then.
	keyframeOld = 2 * time.Second
	// maxPublished is what one publisher may send, in bytes per second: 100 Mbit/s.
	maxPublished = 100 << 20 / 8
)

// Causes of the end of a publisher's session.
var (
	errUnpublished = errors.New("ended by the publisher")
	errQuiet       = fmt.Errorf("%w: nothing comes from the publisher", camgate.ErrTimeout)
	errFlood       = fmt.Errorf("%w: more than %d Mbit/s", camgate.ErrBadRequest, maxPublished*8>>20)
)

// publisher is the session of one who publishes a stream.
type publisher struct {
	*resource
	publication *ingest.Publication

	begun  chan struct{} // closed when there are inlets
	inlets []*inlet
	clock  *publisherClock

	wantKey atomic.Bool  // somebody asks for a keyframe
	bytes   atomic.Int64 // received
	heard   atomic.Int64 // when, Unix ns

	mu      sync.Mutex
	closed  bool
	reading sync.WaitGroup // of those who entered
}

// note has no use for candidates: a publisher is reached at the address that its checks
// come from.
func (x *publisher) note([]string) {}

// run takes what is published until that ends.
func (x *publisher) run() {
	err := x.serve()
	x.cancel(err)
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.transport.close()
	x.reading.Wait()
	x.publication.Close()
	switch cause := context.Cause(x.ctx); {
	case errors.Is(cause, errNoConnect):
		x.log.Info("publisher did not connect", "reason", cause)
	case expected(cause):
		x.log.Info("publisher left", "reason", cause)
	default:
		x.log.Warn("publisher failed", "err", cause)
	}
}

func (x *publisher) serve() error {
	ctx, cancel := context.WithTimeoutCause(x.ctx, x.server.opts.connectTimeout, errNoConnect)
	defer cancel()
	if err := x.transport.connect(ctx, x.log); err != nil {
		return err
	}
	x.log = x.log.With("remote", x.transport.path.Load().remote.String())
	tracks := make([]*camgate.Track, len(x.plan.routes))
	for i, r := range x.plan.routes {
		tracks[i] = r.track
	}
	writer, err := x.publication.Start(tracks)
	if err != nil {
		return err
	}
	x.stream.OnKeyframeRequest(func() { x.wantKey.Store(true) })
	x.clock = newPublisherClock(tracks)
	for i := range tracks {
		x.inlets = append(x.inlets, newInlet(x, writer, i))
	}
	x.heard.Store(time.Now().UnixNano())
	close(x.begun)
	names := make([]string, len(tracks))
	for i, t := range tracks {
		names[i] = string(t.Codec)
	}
	x.log.Info("publisher joined", "codecs", names)
	return x.watch()
}

// watch asks for what is missing, and notices the end.
func (x *publisher) watch() error {
	tick := time.NewTicker(receiveTick)
	defer tick.Stop()
	var asked time.Time // for a keyframe
	second, before := time.Now(), int64(0)
	demand, changed := x.stream.Demand()
	for {
		select {
		case <-x.ctx.Done():
			return context.Cause(x.ctx)
		case <-changed:
			n, next := x.stream.Demand()
			if n > demand && time.Since(asked) > keyframeOld {
				x.stream.RequestKeyframe()
			}
			demand, changed = n, next
			continue
		case <-tick.C:
		}
		now := time.Now()
		if now.Sub(time.Unix(0, x.heard.Load())) > x.server.opts.ReaderTimeout {
			return errQuiet
		}
		if now.Sub(second) >= time.Second {
			n := x.bytes.Load()
			if float64(n-before) > maxPublished*now.Sub(second).Seconds() {
				return errFlood
			}
			second, before = now, n
		}
		if x.feedback(now, asked) {
			asked = now
		}
	}
}

// feedback tells the publisher what is missing; it reports whether a keyframe was asked
// for.
func (x *publisher) feedback(now, asked time.Time) (key bool) {
	var out []rtcp.Packet
	for _, in := range x.inlets {
		missing, lost := in.tick(now)
		if ssrc := in.ssrc.Load(); ssrc != 0 && len(missing) > 0 && in.nacks {
			out = append(out, &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(missing)})
			x.server.received.asked.Add(uint64(len(missing)))
		}
		if in.kind != camgate.Video {
			continue
		}
		first := in.heard.Load()
		waits := first != 0 && now.Sub(time.Unix(0, first)) > keyframePatience && x.stream.Status().State != camgate.StateLive
		if lost || waits {
			x.wantKey.Store(true)
		}
		if ssrc := in.ssrc.Load(); ssrc != 0 && now.Sub(asked) >= keyframePause && x.wantKey.Swap(false) {
			key = true
			out = append(out, &rtcp.PictureLossIndication{MediaSSRC: ssrc})
			x.server.received.keyframes.Add(1)
		}
	}
	if len(out) > 0 {
		x.transport.writeRTCP(out)
	}
	return key
}

// enter reports whether a goroutine of the library may go on; leave has to follow.
func (x *publisher) enter() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return false
	}
	x.reading.Add(1)
	return true
}

// track takes the packets of one track, in a goroutine of the library.
func (x *publisher) track(remote *pion.TrackRemote, receiver *pion.RTPReceiver) {
	if !x.enter() {
		return
	}
	defer x.reading.Done()
	select {
	case <-x.begun:
	case <-x.ctx.Done():
		return
	}
	i := slices.IndexFunc(x.plan.routes, func(r route) bool { return r.codec.payloadType == uint8(remote.PayloadType()) })
	if i < 0 || !x.inlets[i].ssrc.CompareAndSwap(0, uint32(remote.SSRC())) {
		return
	}
	var reports sync.WaitGroup
	defer reports.Wait()
	reports.Go(func() { x.reports(i, receiver) })
	in := x.inlets[i]
	for {
		pkt, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		now := time.Now()
		x.heard.Store(now.UnixNano())
		x.bytes.Add(int64(len(pkt.Payload)) + camgate.RTPHeader)
		if pkt.PayloadType == in.payloadType {
			in.packet(pkt, now)
		}
	}
}

// reports takes the sender reports of one track.
func (x *publisher) reports(i int, receiver *pion.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets[:min(len(packets), maxFeedback)] {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				if p.SSRC == x.inlets[i].ssrc.Load() {
					x.clock.report(i, p.NTPTime, p.RTPTime)
				}
			case *rtcp.Goodbye:
				if slices.Contains(p.Sources, x.inlets[i].ssrc.Load()) && x.plan.routes[i].track.Kind == camgate.Video {
					x.end(errUnpublished)
				}
			}
		}
	}
}

// reception are counters over all publishers.
type reception struct{ packets, missed, asked, keyframes atomic.Uint64 }

func (r *reception) fill(st *Stats) {
	st.Received, st.Missed, st.Asked, st.Keyframes = r.packets.Load(), r.missed.Load(), r.asked.Load(), r.keyframes.Load()
}
