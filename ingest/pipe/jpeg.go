package pipe

import (
	"bytes"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// soi begins a JPEG file, with the first byte of the marker behind it; eoi ends one
// (ITU-T T.81, B.1.1.3).
const (
	soi = "\xff\xd8\xff"
	eoi = "\xff\xd9"
)

// jpegs splits JPEG files that come one behind the other.
type jpegs struct {
	*window
	walk    ingest.JPEGWalk
	inside  bool
	at      time.Time
	garbage int
}

func (j *jpegs) next() (unit, error) {
	for {
		b := j.bytes()
		if !j.inside {
			i := bytes.Index(b, []byte(soi))
			if i < 0 {
				n := max(len(b)-len(soi)+1, 0)
				j.skip(n)
				if j.garbage += n; j.garbage > maxGarbage {
					return unit{}, errGarbage("JPEG")
				}
				return unit{}, nil
			}
			j.skip(i)
			if j.garbage += i; j.garbage > maxGarbage {
				return unit{}, errGarbage("JPEG")
			}
			j.walk, j.inside, j.at = ingest.NewJPEGWalk(), true, j.now
			continue
		}
		step := j.walk.Over(b)
		n := j.walk.At()
		if n > maxUnit {
			return unit{}, errTooLarge(camgate.MJPEG)
		}
		switch step {
		case ingest.JPEGOn:
			if len(b) > maxUnit { // a segment's length may lie
				return unit{}, errTooLarge(camgate.MJPEG)
			}
			return unit{}, nil
		case ingest.JPEGBroken:
			j.skip(len(soi) - 1)
			j.garbage += len(soi) - 1
			j.inside = false
		case ingest.JPEGEnd, ingest.JPEGRestarts:
			file := make([]byte, n, n+len(eoi))
			copy(file, b)
			if step == ingest.JPEGRestarts { // that one had no end
				file = append(file, eoi...)
			}
			u := unit{au: [][]byte{file}, at: j.at}
			j.skip(n)
			j.inside, j.garbage = false, 0
			return u, nil
		}
	}
}

// A JPEG file tells its end itself.
func (j *jpegs) pending() bool { return false }
func (j *jpegs) flush() unit   { return unit{} }
