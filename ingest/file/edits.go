package file

import (
	"encoding/binary"
	"errors"
	"io"
)

// edit is what a track's edit list (ISO/IEC 14496-12, 8.6.6) says of its beginning.
type edit struct {
	delay int64 // ticks of scale before the track begins
	scale int   // of the movie
	start int64 // ticks of the track: what is before it is not to be shown
}

// shift returns by how many ticks of the track's scale its timestamps are to move.
func (e edit) shift(scale int) int64 {
	if e.scale == 0 {
		return 0
	}
	return rescale(e.delay, e.scale, scale) - e.start
}

// box is the inside of a box in the file.
type box struct{ start, end int64 }

// readEdits returns what the edit lists of an MP4 file say, by track ID. Without
// them pictures that were reordered would come late against the sound. Later edits
// of a track, which cut it into pieces, are not followed.
func readEdits(r io.ReadSeeker) (map[int]edit, error) {
	end, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	edits := map[int]edit{}
	scale := 0
	err = eachBox(r, box{0, end}, func(kind string, moov box) error {
		if kind != "moov" {
			return nil
		}
		return eachBox(r, moov, func(kind string, inner box) error {
			switch kind {
			case "mvhd":
				scale, err = readInt(r, inner, 12, 20)
				return err
			case "trak":
				return readTrack(r, inner, scale, edits)
			}
			return nil
		})
	})
	return edits, err
}

func readTrack(r io.ReadSeeker, trak box, scale int, edits map[int]edit) error {
	id := 0
	return eachBox(r, trak, func(kind string, inner box) (err error) {
		switch kind {
		case "tkhd":
			id, err = readInt(r, inner, 12, 20)
		case "edts":
			err = eachBox(r, inner, func(kind string, elst box) error {
				if kind == "elst" {
					edits[id], err = readList(r, elst, scale)
				}
				return err
			})
		}
		return err
	})
}

// readInt reads 32 bits of a full box of which all times are of 32 bits (v0) or of
// 64 bits (v1).
func readInt(r io.ReadSeeker, b box, v0, v1 int64) (int, error) {
	var buf [24]byte
	n, err := readAt(r, b, buf[:])
	if err != nil {
		return 0, err
	}
	at := v0
	if buf[0] == 1 {
		at = v1
	}
	if int64(n) < at+4 {
		return 0, errBox
	}
	return int(binary.BigEndian.Uint32(buf[at:])), nil
}

func readList(r io.ReadSeeker, b box, scale int) (edit, error) {
	e := edit{scale: scale}
	var buf [8 + 2*20]byte
	n, err := readAt(r, b, buf[:])
	if err != nil {
		return e, err
	}
	size := 12
	if buf[0] == 1 {
		size = 20
	}
	count := binary.BigEndian.Uint32(buf[4:])
	for at := 8; at+size <= n && count > 0; at, count = at+size, count-1 {
		duration, start := int64(binary.BigEndian.Uint32(buf[at:])), int64(int32(binary.BigEndian.Uint32(buf[at+4:])))
		if size == 20 {
			duration, start = int64(binary.BigEndian.Uint64(buf[at:])), int64(binary.BigEndian.Uint64(buf[at+8:]))
		}
		if start != -1 {
			e.start = start
			break
		}
		e.delay += duration // an empty edit
	}
	return e, nil
}

var errBox = errors.New("broken box")

// readAt reads from the beginning of a box as much as there is.
func readAt(r io.ReadSeeker, b box, buf []byte) (int, error) {
	n := min(int64(len(buf)), b.end-b.start)
	if n < 8 {
		return 0, errBox
	}
	if _, err := r.Seek(b.start, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(r, buf[:n])
}

// eachBox visits the boxes that lie in another one (ISO/IEC 14496-12, 4.2).
func eachBox(r io.ReadSeeker, in box, visit func(kind string, inner box) error) error {
	for pos := in.start; in.end-pos >= 8; {
		var head [16]byte
		n, err := readAt(r, box{pos, in.end}, head[:])
		if err != nil {
			return err
		}
		size, inner := int64(binary.BigEndian.Uint32(head[:])), int64(8)
		switch {
		case size == 0: // to the end
			size = in.end - pos
		case size == 1 && n == 16:
			size, inner = int64(binary.BigEndian.Uint64(head[8:])), 16
		}
		if size < inner {
			return errBox
		}
		if size > in.end-pos { // the file was cut off here
			return nil
		}
		if err := visit(string(head[4:8]), box{pos + inner, pos + size}); err != nil {
			return err
		}
		pos += size
	}
	return nil
}
