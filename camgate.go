// Package camgate is the domain of a camera gateway: named streams, each filled
// by one source and read by any number of viewers over any protocol.
//
// # Words
//
//   - Stream: a named live programme. Track: one elementary stream of it.
//   - Unit: one access unit of one track, immutable once published.
//   - Source: what fills a stream. Reader: the cursor of one consumer.
//   - Registry: the named streams of one gateway.
//   - Rendition: a stream derived from another one, made once for all viewers.
//
// # The path of a packet
//
//	socket of the source
//	  -> the adapter (rtsp, ingest/file, ...) puts packets together to access units
//	  -> ingest.Writer gives them a place on the stream's clock
//	  -> Stream.Publish appends the Unit to the ring: the source is done with it
//	  -> Reader.Next in each consumer's own goroutine, the same *Unit for all
//	  -> Unit.Packets: RTP, cut once by whoever asks first, shared by all viewers
//	  -> socket of the viewer
//
// Data moves one way. The only thing that goes back is a request for a keyframe.
//
// # Invariants
//
//   - Nobody writes to a Unit, or to the bytes it points to, after Publish.
//   - The cost of Publish does not depend on how many readers there are or how
//     far behind they are; a reader that never reads costs the publisher nothing.
//   - A reader starts at a random access point and, whatever it misses, goes on
//     at one. It never sees the middle of a GOP without its beginning.
//   - The package holds no mutable package-level state: two gateways can live in
//     one process.
//
// The package imports the standard library and pion/rtp only.
package camgate
