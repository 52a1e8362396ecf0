package ingest

import (
	"bytes"
	"testing"

	"github.com/camgate/camgate"
)

// A picture between two key pictures at 4 Mbit/s and 25 pictures a second is a NAL
// unit of 17.5 kB or so.
func BenchmarkWrite(b *testing.B) {
	bb := newBench(b, newH264(b))
	bb.one(picture("I", 0))
	nalu := append(bytes.Clone(nal[camgate.H264]['N']), make([]byte, 17500)...)
	au := [][]byte{nalu}
	b.ReportAllocs()
	b.SetBytes(int64(len(nalu)))
	var pts int64
	for b.Loop() {
		pts += 3600
		if err := bb.Write(Sample{PTS: pts, AU: au}); err != nil {
			b.Fatal(err)
		}
	}
}

// The same, and the packets that the first viewer asks for.
func BenchmarkWriteAndPacketize(b *testing.B) {
	bb := newBench(b, newH264(b))
	bb.one(picture("I", 0))
	au := [][]byte{append(bytes.Clone(nal[camgate.H264]['N']), make([]byte, 17500)...)}
	b.ReportAllocs()
	b.SetBytes(17500)
	var pts int64
	for b.Loop() {
		pts += 3600
		if err := bb.Write(Sample{PTS: pts, AU: au}); err != nil {
			b.Fatal(err)
		}
		u, ok := bb.reader.Poll()
		if !ok {
			b.Fatal("no Unit")
		}
		u.Packets()
	}
}

func BenchmarkPacketizeJPEG(b *testing.B) {
	bb := newBench(b, newTrack(b, camgate.TrackOptions{Codec: camgate.MJPEG}))
	au := [][]byte{goJPEG(b, 640, 480, 85)}
	b.ReportAllocs()
	b.SetBytes(int64(len(au[0])))
	var pts int64
	for b.Loop() {
		pts += 3600
		if err := bb.Write(Sample{PTS: pts, AU: au}); err != nil {
			b.Fatal(err)
		}
	}
}
