package rtsp

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

const aacFMTP = "a=fmtp:96 mode=AAC-hbr; sizelength=13; indexlength=3; indexdeltalength=3; config="

// The rate and the length of a frame of what is AAC in one way or another.
func TestAACClock(t *testing.T) {
	cases := []struct {
		name, media string
		rate        int
		channels    int
		ticks       int64
		profile     string
	}{
		{"LC", "mpeg4-generic/44100/2\r\n" + aacFMTP + "1210", 44100, 2, 1024, "AAC-LC"},
		{"HE", "mpeg4-generic/48000/2\r\n" + aacFMTP + "2b118800", 48000, 2, 2048, "HE-AAC"},
		{"HE, v2", "mpeg4-generic/48000/2\r\n" + aacFMTP + "eb098800", 48000, 2, 2048, "HE-AACv2"},
		{"HE, its clock that of the AAC in it", "mpeg4-generic/24000/2\r\n" + aacFMTP + "2b118800", 24000, 2, 1024, "HE-AAC"},
		{"HE that only the rtpmap tells of", "mpeg4-generic/48000/2\r\n" + aacFMTP + "1310", 48000, 2, 2048, "AAC-LC"},
		{"HE with a wrong rtpmap", "mpeg4-generic/90000\r\n" + aacFMTP + "2b118800", 48000, 2, 2048, "HE-AAC"},
		{"LC with a wrong rtpmap", "mpeg4-generic/8000/2\r\n" + aacFMTP + "1210", 44100, 2, 1024, "AAC-LC"},
		{"LATM", "MP4A-LATM/44100/2\r\na=fmtp:96 cpresent=0; config=400024203fc0", 44100, 2, 1024, "AAC-LC"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := inputsOf(t, head+"m=audio 0 RTP/AVP 96\r\na=rtpmap:96 "+c.media+"\r\n")[0]
			if in.format.ClockRate() != c.rate || in.media.Formats[0] != in.format || in.track.ClockRate != c.rate || in.track.Channels != c.channels {
				t.Errorf("rate %d, of the track %d, with %d channels", in.format.ClockRate(), in.track.ClockRate, in.track.Channels)
			}
			if got := newDepacketizer(in.format, in.track, nil).(*aacUnits).ticks; got != c.ticks {
				t.Errorf("a frame has %d ticks, want %d", got, c.ticks)
			}
			if got := in.track.Params().Profile; got != c.profile {
				t.Errorf("profile %q", got)
			}
		})
	}
}

// Sound with band replication comes by RTSP as long as it is, through all of a session.
func TestPullHEAAC(t *testing.T) {
	cam := newScripted(t, func(c *scriptedConn, r request) bool {
		if r.method != "PLAY" {
			return false
		}
		c.good(r)
		go func() {
			tick := time.NewTicker(4096 * time.Second / 48000)
			defer tick.Stop()
			for i := range uint16(24) { // packets of two frames
				b, err := (&rtp.Packet{
					Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: i, Timestamp: uint32(i) * 4096, SSRC: 77, Marker: true},
					Payload: []byte{0, 32, 0, 2 << 3, 0, 3 << 3, 1, 2, 3, 4, 5},
				}).Marshal()
				if err != nil {
					c.t.Error(err)
				}
				c.send(0, b)
				<-tick.C
			}
		}()
		return true
	}, func(s *scripted) {
		s.sdp = head + "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 mpeg4-generic/48000/2\r\n" + aacFMTP + "2b118800\r\na=control:track1\r\n"
	})
	s := camgate.NewRendition("he", camgate.StreamLimits{})
	supervise(t, s, SourceOptions{URL: parseURL(t, cam.url("")), Transport: TransportTCP})
	r := readerOf(t, s)
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	last := first
	for range 9 {
		if last, err = r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := last.Time()-first.Time(), 9*2048*time.Second/48000; got < want-time.Millisecond || got > want+time.Millisecond {
		t.Errorf("nine frames take %v, want %v", got, want)
	}
}
