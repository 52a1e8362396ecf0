package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
)

// startReader is an RTSP viewer of the video.
func startReader(t *testing.T, url, transport string) counter {
	t.Helper()
	out := &tally{}
	c := openReader(t, url, transport, out.packet)
	go func() { out.end(c.Wait()) }() // ends with Close
	return out
}

// openReader plays the video of an RTSP stream until the test ends.
func openReader(t *testing.T, url, transport string, packet func(*rtp.Packet)) *gortsplib.Client {
	t.Helper()
	u, err := base.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	protocol := map[string]gortsplib.Protocol{"tcp": gortsplib.ProtocolTCP, "udp": gortsplib.ProtocolUDP}[transport]
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, ReadTimeout: 30 * time.Second} // an encoder may have to begin
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	desc, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range desc.Medias {
		if m.Type == description.MediaTypeVideo {
			if _, err := c.Setup(desc.BaseURL, m, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.OnPacketRTPAny(func(_ *description.Media, _ format.Format, p *rtp.Packet) { packet(p) })
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// whepReader is a WebRTC viewer with a socket of its own.
type whepReader struct {
	*tally
	t    *testing.T
	conn *net.UDPConn
}

// startWHEP is a WebRTC viewer of the video.
func startWHEP(t *testing.T, url string) counter {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(2 << 20) // as much as the system allows
	mux := pion.NewICEUDPMux(nil, conn)
	t.Cleanup(func() { _ = mux.Close() })
	var settings pion.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEUDPMux(mux)
	return &whepReader{whep(t, url, settings), t, conn}
}

// lost leaves out what came, and had no place in the socket: the gateway sends on while
// this process waits for a CPU.
func (r *whepReader) lost() int64 {
	table, err := os.ReadFile("/proc/self/net/udp")
	if err != nil {
		r.t.Error(err)
	}
	local := fmt.Sprintf("0100007F:%04X", r.conn.LocalAddr().(*net.UDPAddr).Port)
	for line := range strings.Lines(string(table)) {
		if words := strings.Fields(line); words[1] == local {
			dropped, err := strconv.ParseInt(words[len(words)-1], 10, 64)
			if err != nil {
				r.t.Error(err)
			}
			return max(0, r.tally.lost()-dropped)
		}
	}
	r.t.Errorf("the socket %s is not in\n%s", local, table)
	return 0
}

func whep(t *testing.T, url string, settings pion.SettingEngine) *tally {
	t.Helper()
	var media pion.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := pion.NewAPI(pion.WithSettingEngine(settings), pion.WithMediaEngine(&media)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	out := &tally{}
	pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		for {
			p, attributes, err := track.ReadRTP()
			switch {
			case err != nil:
				out.end(err)
				return
			case attributes.Get(pion.AttributeRtxSequenceNumber) != nil:
				out.picture(p) // sent again, as it was lost
			default:
				out.packet(p)
			}
		}
	})
	if _, err := pc.AddTransceiverFromKind(pion.RTPCodecTypeVideo, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := pion.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	res, err := http.Post(url, "application/sdp", strings.NewReader(pc.LocalDescription().SDP))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("WHEP: %s: %s %v", res.Status, answer, err)
	}
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		t.Fatal(err)
	}
	return out
}

// startMJPEG is a viewer of multipart JPEGs.
func startMJPEG(t *testing.T, url string) counter {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("MJPEG: %s", res.Status)
	}
	out := &tally{}
	go func() { // ends when the body is closed
		r := bufio.NewReaderSize(res.Body, 1<<20)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				out.end(fmt.Errorf("MJPEG: %w", err))
				return
			}
			if strings.HasPrefix(strings.ToLower(line), "content-length") {
				out.n.Add(1)
			}
		}
	}()
	return out
}

// startHLS is a viewer of low-latency HLS that counts the parts it hears of.
func startHLS(t *testing.T, index string) counter {
	t.Helper()
	ctx := t.Context()
	get := func(url string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", url, res.Status)
		}
		return string(body), err
	}
	variants, err := get(index)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(variants)
	media := index[:strings.LastIndexByte(index, '/')+1] + lines[len(lines)-1]
	out, query := &tally{}, ""
	go func() { // ends with the test
		for seen := map[string]bool{}; ; {
			playlist, err := get(media + query)
			if err != nil {
				out.end(fmt.Errorf("HLS: %w", err))
				return
			}
			msn, part := 0, 0
			for line := range strings.Lines(playlist) {
				_, _ = fmt.Sscanf(line, "#EXT-X-MEDIA-SEQUENCE:%d", &msn)
				switch {
				case strings.HasPrefix(line, "#EXTINF:"):
					msn, part = msn+1, 0
				case strings.HasPrefix(line, "#EXT-X-PART:"):
					part++
					if !seen[line] {
						seen[line] = true
						out.n.Add(1)
					}
				}
			}
			query = fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d", msn, part) // answered when there is more
		}
	}()
	return out
}
