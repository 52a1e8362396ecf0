package ingest

import "github.com/camgate/camgate"

// packetizeH264 makes RTP payloads as in RFC 6184, packetization-mode 1: NAL units
// that fit together go into a STAP-A, large ones into FU-A fragments. The fragments
// of a NAL unit have the same size but for the last one, so that a burst of them
// can leave in one segmented send.
type packetizeH264 struct{}

func (packetizeH264) Packetize(w *camgate.PacketWriter, au [][]byte) {
	const (
		stapA, fuA = 24, 28
		nri        = 0x60
	)
	au = withoutTail(au, 1)
	for i := 0; i < len(au); {
		nalu := au[i]
		if len(nalu) == 0 {
			i++
			continue
		}
		if len(nalu) > camgate.MaxPayload {
			indicator, typ := nalu[0]&nri|fuA, nalu[0]&0x1f
			fragment(w, nalu[1:], i == len(au)-1, camgate.MaxPayload-2, func(first, last bool) {
				w.Bytes(indicator, fuFlags(first, last)|typ)
			})
			i++
			continue
		}
		n := together(au[i:], 1)
		w.Packet(i+n == len(au))
		if n == 1 {
			w.Payload(nalu)
		} else {
			header := byte(stapA)
			for _, nalu := range au[i : i+n] { // the highest NRI of all (RFC 6184 section 5.7)
				header = max(header&nri, nalu[0]&nri) | stapA
			}
			w.Bytes(header)
			aggregate(w, au[i:i+n])
		}
		i += n
	}
}

// packetizeH265 makes RTP payloads as in RFC 7798: aggregation packets and
// fragmentation units, without DONL fields.
type packetizeH265 struct{}

func (packetizeH265) Packetize(w *camgate.PacketWriter, au [][]byte) {
	const ap, fu = 48, 49
	au = withoutTail(au, 2)
	for i := 0; i < len(au); {
		nalu := au[i]
		if len(nalu) < 2 { // no NAL unit header: nothing that a decoder could use
			i++
			continue
		}
		if len(nalu) > camgate.MaxPayload {
			header, layer, typ := nalu[0]&0x81|fu<<1, nalu[1], nalu[0]>>1&0x3f
			fragment(w, nalu[2:], i == len(au)-1, camgate.MaxPayload-3, func(first, last bool) {
				w.Bytes(header, layer, fuFlags(first, last)|typ)
			})
			i++
			continue
		}
		n := together(au[i:], 2)
		w.Packet(i+n == len(au))
		if n == 1 {
			w.Payload(nalu)
		} else {
			// Layer and temporal ID: the lowest of all (RFC 7798 section 4.4.2).
			layer, tid := byte(0x3f), byte(7)
			for _, nalu := range au[i : i+n] {
				layer = min(layer, nalu[0]&1<<5|nalu[1]>>3)
				tid = min(tid, nalu[1]&7)
			}
			w.Bytes(ap<<1|layer>>5, layer<<3|tid)
			aggregate(w, au[i:i+n])
		}
		i += n
	}
}

// withoutTail cuts off what comes last and has no whole NAL unit header, so that
// the marker is on a packet that is made.
func withoutTail(au [][]byte, header int) [][]byte {
	for len(au) > 0 && len(au[len(au)-1]) < header {
		au = au[:len(au)-1]
	}
	return au
}

// together returns how many NAL units from the first on fit into one packet; header
// is the size of the aggregation packet's own header. At least one.
func together(au [][]byte, header int) int {
	size := header
	for n, nalu := range au {
		size += 2 + len(nalu)
		if size > camgate.MaxPayload || len(nalu) < header {
			return max(n, 1)
		}
	}
	return len(au)
}

func aggregate(w *camgate.PacketWriter, au [][]byte) {
	for _, nalu := range au {
		w.Bytes(byte(len(nalu)>>8), byte(len(nalu)))
		w.Payload(nalu)
	}
}

// fragment makes packets of at most size bytes of data each, behind what head writes.
func fragment(w *camgate.PacketWriter, data []byte, marker bool, size int, head func(first, last bool)) {
	for first := true; ; first = false {
		n := min(size, len(data))
		last := n == len(data)
		w.Packet(marker && last)
		head(first, last)
		w.Payload(data[:n])
		if last {
			return
		}
		data = data[n:]
	}
}

// fuFlags are the start and end bits of a fragment (RFC 6184 section 5.8).
func fuFlags(first, last bool) (b byte) {
	if first {
		b |= 0x80
	}
	if last {
		b |= 0x40
	}
	return b
}
