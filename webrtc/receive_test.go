package webrtc

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// handed is what a window gave out: sequence numbers, and how many were missing.
type handed struct {
	seqs []uint16
	lost int
}

func (h *handed) take(p *rtp.Packet, _ time.Time, missing int) {
	h.seqs = append(h.seqs, p.SequenceNumber)
	h.lost += missing
}

func numbered(seq uint16) *rtp.Packet { return &rtp.Packet{Header: rtp.Header{SequenceNumber: seq}} }

func TestWindow(t *testing.T) {
	begin := time.Unix(0, 0)
	type step struct {
		at   int      // ms
		seqs []uint16 // that arrive
		out  []uint16
		lost int
		asks []uint16
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"in order, over the end of the numbers", []step{{0, []uint16{65534, 65535, 0, 1}, []uint16{65534, 65535, 0, 1}, 0, nil}}},
		{"out of order is not asked for", []step{
			{0, []uint16{1, 3}, []uint16{1}, 0, nil},
			{5, []uint16{2, 4}, []uint16{2, 3, 4}, 0, nil},
		}},
		{"twice, and late", []step{{0, []uint16{5, 6, 6, 5, 4, 7}, []uint16{5, 6, 7}, 0, nil}}},
		{"what is missing is asked for, again, and comes", []step{
			{0, []uint16{1, 4}, []uint16{1}, 0, nil},
			{10, nil, nil, 0, []uint16{2, 3}},
			{20, nil, nil, 0, nil},
			{40, []uint16{3}, nil, 0, nil}, // 30 ms of round trip
			{60, nil, nil, 0, []uint16{2}},
			{70, []uint16{2}, []uint16{2, 3, 4}, 0, nil},
		}},
		{"what does not come is given up", []step{
			{0, []uint16{1, 4, 6}, []uint16{1}, 0, nil},
			{10, nil, nil, 0, []uint16{2, 3, 5}},
			{140, nil, nil, 0, []uint16{2, 3, 5}},
			{151, nil, []uint16{4, 6}, 3, nil},
			{160, []uint16{7, 2}, []uint16{7}, 0, nil},
		}},
		{"another sequence", []step{
			{0, []uint16{1, 2}, []uint16{1, 2}, 0, nil},
			{5, []uint16{30000, 30001, 30002, 30003}, nil, 0, nil},
			{6, []uint16{30004, 30005}, []uint16{30004, 30005}, 0, nil},
		}},
		{"a stray is none", []step{{0, []uint16{1, 30000, 2, 30001, 3}, []uint16{1, 2, 3}, 0, nil}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := window{patience: reorderPatience}
			for i, s := range c.steps {
				var h handed
				now := begin.Add(time.Duration(s.at) * time.Millisecond)
				for _, seq := range s.seqs {
					w.push(numbered(seq), now, h.take)
				}
				asks := w.ask(now)
				w.giveUp(now, h.take)
				if !slices.Equal(h.seqs, s.out) || h.lost != s.lost || !slices.Equal(asks, s.asks) {
					t.Errorf("step %d: out %v, lost %d, asked for %v", i, h.seqs, h.lost, asks)
				}
			}
		})
	}
}

// Whatever comes, packets leave once, in order, and what is held has a bound.
func FuzzWindow(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0, 4, 0, 3})
	f.Add([]byte{0xff, 0xff, 0x7f, 0xff, 0x80, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		w := window{patience: reorderPatience}
		now := time.Unix(0, 0)
		seen := map[*rtp.Packet]bool{}
		last, any := uint16(0), false
		sequences := 0
		out := func(p *rtp.Packet, _ time.Time, missing int) {
			if seen[p] {
				t.Error("a packet twice")
			}
			seen[p] = true
			if any && int16(p.SequenceNumber-last) <= 0 {
				sequences++
			}
			if missing < 0 || missing > windowSize {
				t.Errorf("%d missing", missing)
			}
			last, any = p.SequenceNumber, true
		}
		seq := uint16(0)
		pushed := 0
		for i := 0; i+1 < len(data); i += 2 {
			seq += uint16(int16(data[i])<<8>>4) + uint16(data[i+1]) - 8
			pushed++
			w.push(numbered(seq), now, out)
			now = now.Add(time.Duration(data[i+1]) * time.Millisecond / 8)
			w.ask(now)
			w.giveUp(now, out)
			if len(w.missing) > windowSize {
				t.Fatalf("%d are missing", len(w.missing))
			}
		}
		if sequences > pushed/strays {
			t.Errorf("%d new beginnings in %d packets", sequences, pushed)
		}
	})
}

// Tracks begin as they arrive, and go where the sender reports say, without a jump that
// could be heard.
func TestPublisherClock(t *testing.T) {
	video := testTrack(t, camgate.TrackOptions{Codec: camgate.VP8})
	sound := opusTrack(t)
	c := newPublisherClock([]*camgate.Track{sound, video})
	begin := time.Unix(1000, 0)
	at := func(i int, stamp uint32, ms int) time.Duration {
		return c.tracks[i].track.Duration(c.time(i, stamp, begin.Add(time.Duration(ms)*time.Millisecond)))
	}
	if got := at(1, math.MaxUint32-90000+1, 0); got != 0 {
		t.Errorf("the first picture is at %v", got)
	}
	if got := at(0, 5000, 60); got != 60*time.Millisecond { // the sound of 40 ms, late
		t.Errorf("the first sound is at %v", got)
	}
	if got := at(1, 0, 1000); got != time.Second { // over the end of the numbers
		t.Errorf("the picture of the second is at %v", got)
	}
	ntp := func(ms int64) uint64 { return uint64(3_000_000_000+ms/1000)<<32 | uint64(ms%1000)<<32/1000 }
	c.report(1, ntp(1000), 0)
	c.report(0, ntp(1040), 5000+48000)
	last := time.Duration(0)
	for ms := 20; ms <= 2000; ms += 20 {
		got := at(0, uint32(5000+48*ms), 60+ms)
		if step := got - last; last != 0 && (step < 19*time.Millisecond || step > 21*time.Millisecond) {
			t.Fatalf("a step of %v", step)
		}
		last = got
	}
	if off := last - 2040*time.Millisecond; off.Abs() > time.Millisecond {
		t.Errorf("the sound is %v off", off)
	}
	c.report(0, ntp(1_000_000), 5000) // nonsense
	if got := at(0, uint32(5000+48*2020), 2080); (got - 2060*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("after a report of nonsense at %v", got)
	}
}

func TestAccept(t *testing.T) {
	offer := func(change ...string) string { // of Chromium, which sends
		return strings.NewReplacer(append([]string{"a=recvonly", "a=sendonly"}, change...)...).Replace(chromiumOffer)
	}
	for _, c := range []struct {
		name, offer, codecs, err string
	}{
		{"in the publisher's order", offer(), "Opus VP8", ""},
		{"H264 first", offer("SAVPF 96 97 103", "SAVPF 103 96 97"), "Opus H264", ""},
		{"H264 in single NAL units", offer("SAVPF 96 97 103", "SAVPF 107 96 97 103"), "Opus H264", ""},
		{"receives", chromiumOffer, "", "the audio section 0 is recvonly"},
		{"two pictures", offer("BUNDLE 0 1", "BUNDLE 0 1 2") + strings.NewReplacer("a=recvonly", "a=sendonly", "a=mid:1", "a=mid:2").
			Replace(chromiumOffer[strings.Index(chromiumOffer, "m=video"):]), "", "more than one video track"},
		{"not bundled", offer("BUNDLE 0 1", "BUNDLE 0 2"), "", "not bundled"},
		{"a codec that is not taken", offer("opus/48000/2", "speex/16000", " 0 8 13", " 13", "rtpmap:0", "rtpmap:1", "rtpmap:8 ", "rtpmap:2 "), "", "of audio, H264, VP8"},
		{"bundle-only", offer("m=video 9", "m=video 0") + "a=bundle-only\n", "Opus VP8", ""},
		{"sound alone", offer("m=video 9", "m=video 0"), "Opus", ""},
		{"nothing", offer("m=video 9", "m=video 0", "m=audio 9", "m=audio 0"), "", "neither picture nor sound"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseOffer(c.offer)
			if err != nil {
				t.Fatal(err)
			}
			p, err := o.accept()
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || camgate.AnswerTo(err).HTTP != 406 {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range p.routes {
				got += " " + string(r.track.Codec)
			}
			if got != " "+c.codecs {
				t.Errorf("codecs%s", got)
			}
		})
	}
}

// One source of those that a section names is taken: not what repairs it, not other sizes.
func TestSources(t *testing.T) {
	o, err := parseOffer(strings.ReplaceAll(chromiumOffer, "a=recvonly", "a=sendonly") +
		"a=extmap:3/sendonly http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\n" +
		"a=ssrc-group:SIM 11 12 13\na=ssrc-group:FID 11 21\na=ssrc:21 cname:x\na=ssrc:11 cname:x\na=ssrc:12 cname:x\na=ssrc:nonsense\n")
	if err != nil {
		t.Fatal(err)
	}
	got := o.sections[1].sources.lines()
	want := []string{"extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", "ssrc:11 cname:publisher", "msid:publisher 11"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
