package camgate

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slicer is a Packetizer that cuts every element of an access unit at MaxPayload;
// the marker is on the last packet.
type slicer struct{}

func (slicer) Packetize(w *PacketWriter, au [][]byte) {
	for i, b := range au {
		for len(b) > MaxPayload {
			w.Packet(false)
			w.Payload(b[:MaxPayload])
			b = b[MaxPayload:]
		}
		w.Packet(i == len(au)-1)
		w.Payload(b)
	}
}

func videoTrack() *Track {
	return NewTrack(TrackOptions{Kind: Video, Codec: H264, ClockRate: 90000, PayloadType: 96, Packetizer: slicer{}})
}

func audioTrack() *Track {
	return NewTrack(TrackOptions{Kind: Audio, Codec: Opus, ClockRate: 48000, Channels: 2, PayloadType: 97, Packetizer: slicer{}})
}

func jpegTrack() *Track {
	return NewTrack(TrackOptions{Kind: Video, Codec: MJPEG, ClockRate: 90000, PayloadType: 26, Packetizer: slicer{}})
}

// feed is a stream whose clock a test moves by hand.
type feed struct {
	*Stream
	t      testing.TB
	now    time.Duration
	tracks []*Track
	names  map[*Unit]string
	n      int // Units published
}

func newFeed(t testing.TB, limits StreamLimits, tracks ...*Track) *feed {
	t.Helper()
	f := &feed{Stream: newStream("test", limits), t: t, names: map[*Unit]string{}}
	f.start(tracks...)
	return f
}

func (f *feed) start(tracks ...*Track) {
	f.t.Helper()
	var err error
	if f.tracks, err = f.Start(tracks); err != nil {
		f.t.Fatal(err)
	}
	f.gen.Load().ring.clock = func() time.Duration { return f.now }
}

// track returns the n-th track of a kind.
func (f *feed) track(kind Kind, n int) *Track {
	f.t.Helper()
	for _, t := range f.tracks {
		if t.Kind == kind {
			if n == 0 {
				return t
			}
			n--
		}
	}
	f.t.Fatalf("no such %s track", kind)
	return nil
}

// publish makes a Unit of a name's letter: K keyframe, P other picture, A audio,
// k and p the same pictures on the second video track.
func (f *feed) publish(letter byte, size int) *Unit {
	f.t.Helper()
	track := map[byte]func() *Track{
		'K': func() *Track { return f.track(Video, 0) },
		'P': func() *Track { return f.track(Video, 0) },
		'A': func() *Track { return f.track(Audio, 0) },
		'k': func() *Track { return f.track(Video, 1) },
		'p': func() *Track { return f.track(Video, 1) },
	}[letter]()
	u := &Unit{Track: track, RandomAccess: letter != 'P' && letter != 'p', AU: [][]byte{make([]byte, size)}}
	f.names[u] = fmt.Sprintf("%c%d", letter, f.n)
	f.n++
	f.Publish(u)
	return u
}

func (f *feed) subscribe(opts SubscribeOptions) *Reader {
	f.t.Helper()
	r, err := f.Subscribe(context.Background(), opts)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// drain reads what is there, at most n Units (n < 0: all), and returns their names.
func (f *feed) drain(r *Reader, n int) string {
	var out []string
	for ; n != 0; n-- {
		u, ok := r.Poll()
		if !ok {
			break
		}
		out = append(out, f.names[u])
	}
	return strings.Join(out, " ")
}

// skips writes the counters of a reader as "reason=n ...", without zeros.
func skips(st ReaderStats) string {
	var out []string
	for _, reason := range SkipReasons() {
		if n := st.Skipped[reason]; n > 0 {
			out = append(out, fmt.Sprintf("%s=%d", reason, n))
		}
	}
	return strings.Join(out, " ")
}

// play runs a script of words and returns what the reader got and skipped:
//
//	K P A k p  publish a Unit of 100 bytes; K:5000 one of 5,000
//	+40ms      move the clock
//	sub        subscribe with opts
//	read read2 read everything, two Units
//	stop start the source goes; it comes back with the same tracks
func (f *feed) play(script string, opts SubscribeOptions) (got, skipped string) {
	f.t.Helper()
	var r *Reader
	var read []string
	for _, word := range strings.Fields(script) {
		switch {
		case word == "sub":
			r = f.subscribe(opts)
			defer r.Close()
		case strings.HasPrefix(word, "read"):
			n, err := strconv.Atoi(word[len("read"):])
			if err != nil {
				n = -1
			}
			if s := f.drain(r, n); s != "" {
				read = append(read, s)
			}
		case word == "stop":
			f.Stop()
		case word == "start":
			f.start(f.tracks...)
		case word[0] == '+':
			d, err := time.ParseDuration(word[1:])
			if err != nil {
				f.t.Fatal(err)
			}
			f.now += d
		default:
			size := 100
			if letter, s, ok := strings.Cut(word, ":"); ok {
				n, err := strconv.Atoi(s)
				if err != nil {
					f.t.Fatal(err)
				}
				word, size = letter, n
			}
			f.publish(word[0], size)
		}
	}
	if r == nil {
		return "", ""
	}
	return strings.Join(read, " "), skips(r.Stats())
}
