package rtsp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func parseRTP(t testing.TB, b []byte) *rtp.Packet {
	t.Helper()
	p := &rtp.Packet{}
	if err := p.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	return p
}

func rtpInfo(t *testing.T, rep *reply) headers.RTPInfo {
	t.Helper()
	var info headers.RTPInfo
	if err := info.Unmarshal([]string{rep.header.Get("Rtp-Info")}); err != nil {
		t.Fatal(err)
	}
	return info
}

// A reader that sets up both tracks gets the cached GOP at once, announced rightly,
// on its channels, with the timestamps at the live edge.
func TestPlay(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.gop(10)
	w := dialWire(t, g.url("cam"))
	rep := w.want(200, "DESCRIBE", w.base)
	if base := rep.header.Get("Content-Base"); base != w.base+"/" {
		t.Errorf("Content-Base %q", base)
	}
	if server := rep.header.Get("Server"); server != "camgate" {
		t.Errorf("Server %q", server)
	}
	for i, track := range cam.tracks {
		ssrc := fmt.Sprintf("ssrc=%08X", track.SSRC)
		if th := w.setup(i).header.Get("Transport"); !strings.Contains(th, ssrc) || !strings.Contains(th, fmt.Sprintf("interleaved=%d-%d", 2*i, 2*i+1)) {
			t.Errorf("Transport of track %d: %q, want %q", i, th, ssrc)
		}
	}
	info := rtpInfo(t, w.want(200, "PLAY", w.base))
	if len(info) != 2 || info[0].URL != w.base+"/trackID=0" {
		t.Fatalf("RTP-Info %+v", info)
	}
	cam.gop(3)

	var video, audio []*rtp.Packet
	var reports [2]*rtcp.SenderReport
	for markers := 0; markers < 13 || len(audio) < 6 || reports[0] == nil || reports[1] == nil; {
		frame := w.frame()
		switch ch := frame[1]; ch {
		case 0:
			p := parseRTP(t, frame[4:])
			video = append(video, p)
			if p.Marker {
				markers++
			}
		case 2:
			audio = append(audio, parseRTP(t, frame[4:]))
		case 1, 3:
			packets, err := rtcp.Unmarshal(frame[4:])
			if err != nil {
				t.Fatal(err)
			}
			reports[ch/2] = packets[0].(*rtcp.SenderReport)
			if cname := packets[1].(*rtcp.SourceDescription).Chunks[0].Items[0].Text; cname == "" {
				t.Error("no CNAME")
			}
		default:
			t.Fatalf("channel %d", ch)
		}
	}
	for i, pkts := range [][]*rtp.Packet{video, audio} {
		if first := pkts[0]; first.SequenceNumber != *info[i].SequenceNumber || first.SSRC != cam.tracks[i].SSRC {
			t.Errorf("track %d begins with %d of %x, want %d of %x", i, first.SequenceNumber, first.SSRC, *info[i].SequenceNumber, cam.tracks[i].SSRC)
		}
		for n := 1; n < len(pkts); n++ {
			if pkts[n].SequenceNumber != pkts[n-1].SequenceNumber+1 {
				t.Errorf("track %d: %d after %d", i, pkts[n].SequenceNumber, pkts[n-1].SequenceNumber)
			}
			if d := int32(pkts[n].Timestamp - pkts[n-1].Timestamp); d < 0 || d == 0 && pkts[n-1].Marker {
				t.Errorf("track %d: the clock goes by %d", i, d)
			}
		}
		if reports[i].SSRC != pkts[0].SSRC {
			t.Errorf("report of %x", reports[i].SSRC)
		}
	}
	if video[0].Timestamp != *info[0].Timestamp {
		t.Errorf("video begins at %d, announced %d", video[0].Timestamp, *info[0].Timestamp)
	}
	// Ten cached pictures take as long as one.
	var edge uint32
	for _, p := range video {
		if p.Marker && number(p) == 9 {
			edge = p.Timestamp
		}
	}
	last := video[len(video)-1].Timestamp
	if squeezed, live := edge-video[0].Timestamp, last-edge; squeezed > 3600 || live != 3*3600 {
		t.Errorf("the cached pictures take %d ticks, the three after them %d", squeezed, live)
	}
	// The same moment on both clocks, as RTP-Info and the reports tell.
	byInfo := float64(int32(reports[0].RTPTime-*info[0].Timestamp))/90000 - float64(int32(reports[1].RTPTime-*info[1].Timestamp))/48000
	byReport := float64(int64(reports[0].NTPTime-reports[1].NTPTime)) / (1 << 32)
	if d := byInfo - byReport; d < -0.002 || d > 0.002 {
		t.Errorf("video and sound are %f s apart", d)
	}
}

// One that wants the sound only, on channels of its own choice.
func TestPlayOneTrackOnOtherChannels(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.gop(3)
	w := dialWire(t, g.url("cam"))
	w.want(200, "SETUP", w.base+"/trackID=1", "Transport: RTP/AVP/TCP;unicast;interleaved=8-9")
	info := rtpInfo(t, w.want(200, "PLAY", w.base))
	cam.gop(1)
	frame := w.frame()
	for frame[1] == 9 {
		frame = w.frame()
	}
	if frame[1] != 8 {
		t.Fatalf("channel %d", frame[1])
	}
	if p := parseRTP(t, frame[4:]); p.SSRC != cam.tracks[1].SSRC || p.SequenceNumber != *info[0].SequenceNumber || p.Payload[0] != 0xfc {
		t.Errorf("%v", p)
	}
}

// PAUSE ends the media before its answer; PLAY goes on from the newest keyframe
// without a sequence number that was there before.
func TestPauseAndPlay(t *testing.T) {
	g := newGateway(t, nil)
	cam := newCamera(t, g.stream(t, "cam"), true)
	cam.gop(5)
	stop := cam.run()
	defer stop()
	w := dialWire(t, g.url("cam"))
	w.setup(0)
	w.setup(1)
	w.want(200, "PLAY", w.base)
	last := map[byte]uint16{}
	read := func() (rep *reply) {
		rep, frame := w.next()
		if frame != nil && frame[1]%2 == 0 {
			last[frame[1]] = parseRTP(t, frame[4:]).SequenceNumber
		}
		return rep
	}
	for len(last) < 2 {
		read()
	}
	for range 3 {
		w.send("PAUSE", w.base)
		for read() == nil {
		}
		w.write("$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x01") // a receiver report that was on its way
		if rep := w.do("OPTIONS", w.base); rep.status != 200 {
			t.Fatal(rep.status)
		}
		info := rtpInfo(t, w.want(200, "PLAY", w.base))
		if got, want := *info[0].SequenceNumber, last[0]+1; int16(got-want) < 0 {
			t.Errorf("video goes on with %d, want at least %d", got, want)
		}
		first := parseRTP(t, w.frame()[4:])
		if first.SequenceNumber != *info[0].SequenceNumber || first.Timestamp != *info[0].Timestamp || first.Payload[0]&0x1f != 24 {
			t.Errorf("it goes on with %v, announced %+v", first, info[0])
		}
		last[0] = first.SequenceNumber
	}
	w.want(200, "PLAY", w.base) // while playing: nothing happens
	w.send("TEARDOWN", w.base)
	for read() == nil {
	}
	// Nothing follows: the connection is free for the next session.
	w.write("$\x01\x00\x08\x81\xcb\x00\x01\x00\x00\x00\x01") // the BYE of the one before
	w.id = ""
	w.want(200, "DESCRIBE", w.base)
	w.setup(0)
	w.want(200, "PLAY", w.base)
	w.frame()
}
