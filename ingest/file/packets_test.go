package file

import (
	"bytes"
	"slices"
	"testing"

	rtpformat "github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"github.com/camgate/camgate"
)

// checkPackets fails when a receiver of the Units' RTP does not get back their
// access units.
func checkPackets(t *testing.T, units []played) {
	t.Helper()
	decode := decoder(t, units[0].Track)
	if decode == nil {
		return
	}
	want := units[0].FirstSeq()
	for i, u := range units {
		var got [][]byte
		packets := u.Packets()
		for n := range packets.Len() {
			var pkt rtp.Packet
			if err := pkt.Unmarshal(packets.RTP(n)); err != nil {
				t.Fatal(err)
			}
			if pkt.SequenceNumber != want || len(pkt.Payload) > camgate.MaxPayload || pkt.Marker != (n == packets.Len()-1) {
				t.Fatalf("Unit %d, packet %d of %d: %+v", i, n, packets.Len(), pkt.Header)
			}
			want++
			au, err := decode(&pkt)
			if err != nil && pkt.Marker {
				t.Fatalf("Unit %d: %v", i, err)
			}
			got = au
		}
		if !slices.EqualFunc(u.AU, got, bytes.Equal) {
			t.Fatalf("Unit %d: %d NAL units came back as %d, or with other bytes", i, len(u.AU), len(got))
		}
	}
}

func decoder(t *testing.T, track *camgate.Track) func(*rtp.Packet) ([][]byte, error) {
	t.Helper()
	switch track.Codec {
	case camgate.H264:
		d, err := (&rtpformat.H264{PayloadTyp: track.PayloadType, PacketizationMode: 1}).CreateDecoder()
		if err != nil {
			t.Fatal(err)
		}
		return d.Decode
	case camgate.H265:
		d, err := (&rtpformat.H265{PayloadTyp: track.PayloadType}).CreateDecoder()
		if err != nil {
			t.Fatal(err)
		}
		return d.Decode
	}
	return nil
}
