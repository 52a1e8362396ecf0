package encode

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// nut reads the one stream of a NUT file as ffmpeg writes it. Of the containers that
// ffmpeg has, this is the one that takes every codec, keeps timestamps, and gives
// each access unit when it is there: Matroska and MP4 hold it until the next one,
// and in MPEG-TS its end is not to be seen before that.
//
// The format is described in "NUT Open Container Format" (ffmpeg.org/~michael/nut.txt):
// packets with an 8-byte start code that say how long they are, and between them
// frames whose headers are one byte and what the table in the main header says.
type nut struct {
	r       *bufio.Reader
	codes   [256]frameCode
	elided  [][]byte // what frames begin with and is left out
	num     uint64   // time base: num/den seconds are one tick of pts
	den     uint64
	shift   uint   // timestamps below 1<<shift are the lower bits of one
	last    int64  // pts
	extra   []byte // what a decoder has to know before the first picture
	pending uint64 // frames before the headers are an error: bit 0 main, bit 1 stream
}

// packet is an access unit.
type packet struct {
	pts  int64 // in ticks, see nut.rescale
	key  bool
	data []byte
}

type frameCode struct {
	flags    uint64
	ptsDelta int64
	mul, lsb uint64 // size = lsb + mul * what follows
	reserved uint64
	header   uint64 // of elided
}

// Start codes: 'N', a letter, and six bytes of noise.
const (
	nutMain      = 0x4e4d7a561f5f04ad
	nutStream    = 0x4e5311405bf2f9db
	nutSyncpoint = 0x4e4be4adeeca4569
	nutID        = "nut/multimedia container\x00"
)

// Flags of frames.
const (
	nutKey       = 1
	nutCodedPTS  = 8
	nutStreamID  = 16
	nutSizeMSB   = 32
	nutChecksum  = 64
	nutReserved  = 128
	nutSideData  = 256
	nutHeaderIdx = 1024
	nutMatchTime = 2048
	nutCoded     = 4096
	nutInvalid   = 8192
)

const (
	maxNutHeader = 1 << 20
	maxUnit      = 32 << 20 // bytes of an access unit
)

// errNotNUT says that the child writes something that we do not understand.
var errNotNUT = errors.New("not a NUT stream")

func newNUT(r io.Reader) *nut { return &nut{r: bufio.NewReaderSize(r, 64<<10)} }

// rescale converts a timestamp to ticks, rounded to the nearest.
func (n *nut) rescale(pts int64, perSecond int64) int64 {
	return int64(math.RoundToEven(float64(pts) * float64(n.num) * float64(perSecond) / float64(n.den)))
}

// next returns the next access unit, or io.EOF.
func (n *nut) next() (packet, error) {
	if n.pending == 0 && n.den == 0 {
		var b [len(nutID)]byte
		if _, err := io.ReadFull(n.r, b[:]); err != nil {
			return packet{}, err // io.EOF: not one picture
		}
		if string(b[:]) != nutID {
			return packet{}, fmt.Errorf("%w: it begins with %q", errNotNUT, b[:8])
		}
		n.pending = 3
	}
	for {
		code, err := n.r.ReadByte()
		if err != nil {
			return packet{}, err
		}
		if code == 'N' {
			if err := n.r.UnreadByte(); err != nil {
				return packet{}, err
			}
			err = n.skipOrLearn()
		} else {
			if n.pending != 0 {
				return packet{}, fmt.Errorf("%w: a frame before the headers", errNotNUT)
			}
			var p packet
			if p, err = n.frame(n.codes[code]); err == nil && len(p.data) > 0 {
				return p, nil
			}
		}
		if err != nil {
			return packet{}, unexpected(err)
		}
	}
}

// frame reads what follows a frame code.
func (n *nut) frame(c frameCode) (packet, error) {
	f := fields{r: n.r}
	flags, size, header := c.flags, c.lsb, c.header
	if flags&nutCoded != 0 {
		flags ^= f.v()
	}
	if flags&(nutInvalid|nutSideData) != 0 {
		return packet{}, fmt.Errorf("%w: frame flags %#x", errNotNUT, flags)
	}
	if flags&nutStreamID != 0 && f.v() != 0 {
		return packet{}, fmt.Errorf("%w: a second stream", errNotNUT)
	}
	pts := n.last + c.ptsDelta
	if flags&nutCodedPTS != 0 {
		pts = n.full(f.v())
	}
	if flags&nutSizeMSB != 0 {
		size += c.mul * min(f.v(), maxUnit)
	}
	if flags&nutMatchTime != 0 {
		f.v()
	}
	if flags&nutHeaderIdx != 0 {
		header = f.v()
	}
	reserved := c.reserved
	if flags&nutReserved != 0 {
		reserved = f.v()
	}
	for ; reserved > 0 && f.err == nil; reserved-- {
		f.v()
	}
	if flags&nutChecksum != 0 {
		f.skip(4)
	}
	if size > 4096 {
		header = 0
	}
	switch {
	case f.err != nil:
		return packet{}, f.err
	case header >= uint64(len(n.elided)), size < uint64(len(n.elided[header])), size > maxUnit:
		return packet{}, fmt.Errorf("%w: a frame of %d bytes", errNotNUT, size)
	}
	n.last = pts
	data, err := n.read(int(size), n.elided[header])
	if err != nil {
		return packet{}, err
	}
	return packet{pts: pts, key: flags&nutKey != 0, data: data}, nil
}

// read reads a frame. Memory for a large one is taken as its bytes come.
func (n *nut) read(size int, begin []byte) ([]byte, error) {
	const step = 512 << 10
	data := append(make([]byte, 0, min(size, step)), begin...)
	for len(data) < size {
		at := len(data)
		data = slices.Grow(data, min(size-at, step))[:at+min(size-at, step)]
		if _, err := io.ReadFull(n.r, data[at:]); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// full makes a timestamp of what is coded: its lower bits, or all and some more.
func (n *nut) full(coded uint64) int64 {
	if coded >= 1<<n.shift {
		return int64(coded - 1<<n.shift)
	}
	mask := int64(1)<<n.shift - 1
	delta := n.last - mask/2
	return (int64(coded)-delta)&mask + delta
}

// unexpected is for an end in the middle of something.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
