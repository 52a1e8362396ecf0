package hls

import "encoding/binary"

// sample is an access unit on its way into a part.
type sample struct {
	dts  int64 // ticks of the track's clock
	cts  int32 // presentation time less dts
	dur  uint32
	sync bool
	size int // bytes in the part
	au   [][]byte
}

// run is the samples of one track in a part.
type run struct {
	track   uint32 // track_ID
	video   bool
	nalus   bool // samples are NAL units, each behind its length
	samples []sample
}

// The flags of ISO/IEC 14496-12 section 8.8.
const (
	tfhdDefaultBaseIsMoof = 0x020000

	trunDataOffset = 0x000001
	trunDuration   = 0x000100
	trunSize       = 0x000200
	trunFlags      = 0x000400
	trunCTS        = 0x000800

	sampleSync    = 0x02000000 // depends on no other
	sampleNotSync = 0x01010000 // depends on others, is no sync sample

	boxHeader  = 8
	fullHeader = boxHeader + 4
	mfhdSize   = fullHeader + 4
	tfhdSize   = fullHeader + 4
	tfdtSize   = fullHeader + 8
	trunHeader = fullHeader + 8
	videoEntry = 16
	audioEntry = 8
	naluLength = 4
	timeShift  = 10 // seconds: decoding times of B-frames at time zero are below it
)

// sampleSize is what an access unit takes up in a part.
func sampleSize(au [][]byte, nalus bool) int {
	n := 0
	for _, b := range au {
		n += len(b)
		if nalus {
			n += naluLength
		}
	}
	return n
}

// fragment makes a movie fragment (moof and mdat) of the runs. All of them have
// samples. clocks are the clock rates by run.
func fragment(seq uint32, runs []run, clocks []int) []byte {
	moof, data := boxHeader+mfhdSize, 0
	for _, r := range runs {
		moof += boxHeader + tfhdSize + tfdtSize + trunHeader + len(r.samples)*r.entry()
		for _, s := range r.samples {
			data += s.size
		}
	}
	b := make([]byte, 0, moof+boxHeader+data)
	b = box(b, moof, "moof")
	b = box(b, mfhdSize, "mfhd")
	b = u32(b, 0, seq)
	offset := moof + boxHeader
	for i, r := range runs {
		b = r.appendTraf(b, offset, clocks[i])
		for _, s := range r.samples {
			offset += s.size
		}
	}
	b = box(b, boxHeader+data, "mdat")
	for _, r := range runs {
		for _, s := range r.samples {
			for _, piece := range s.au {
				if r.nalus {
					b = u32(b, uint32(len(piece)))
				}
				b = append(b, piece...)
			}
		}
	}
	return b
}

func (r run) entry() int {
	if r.video {
		return videoEntry
	}
	return audioEntry
}

func (r run) appendTraf(b []byte, offset, clock int) []byte {
	trun := trunHeader + len(r.samples)*r.entry()
	b = box(b, boxHeader+tfhdSize+tfdtSize+trun, "traf")
	b = box(b, tfhdSize, "tfhd")
	b = u32(b, tfhdDefaultBaseIsMoof, r.track)
	b = box(b, tfdtSize, "tfdt")
	b = u32(b, 1<<24) // version 1: 64 bits
	b = binary.BigEndian.AppendUint64(b, uint64(r.samples[0].dts+timeShift*int64(clock)))
	b = box(b, trun, "trun")
	flags := uint32(1<<24 | trunDataOffset | trunDuration | trunSize) // version 1: signed offsets
	if r.video {
		flags |= trunFlags | trunCTS
	}
	b = u32(b, flags, uint32(len(r.samples)), uint32(offset))
	for _, s := range r.samples {
		b = u32(b, s.dur, uint32(s.size))
		if !r.video {
			continue
		}
		if s.sync {
			b = u32(b, sampleSync)
		} else {
			b = u32(b, sampleNotSync)
		}
		b = u32(b, uint32(s.cts))
	}
	return b
}

func box(b []byte, size int, kind string) []byte {
	return append(u32(b, uint32(size)), kind...)
}

func u32(b []byte, vs ...uint32) []byte {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}
