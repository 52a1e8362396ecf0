package hls

import "slices"

// maxReorder is the most pictures that a decoder holds back (ISO/IEC 14496-10,
// A.3.1: MaxDpbFrames).
const maxReorder = 16

// reorder derives decoding times from presentation times, which is all that
// sources tell. Access units come in decoding order; where that is not the order
// of presentation (B-frames), decoding times are the presentation times sorted,
// later by as many pictures as a decoder has to hold back.
type reorder struct {
	depth   int     // pictures held back; grows when the stream proves it too small
	pending []int64 // presentation times not used as decoding times yet, ascending
	recent  []int64 // presentation times in decoding order, newest last
	last    int64   // decoding time given last
	started bool
}

// next returns the decoding time of the access unit with the given presentation
// time. interval is the time between pictures, as far as it is known. Decoding
// times always grow; one that is later than its presentation time occurs only
// while the depth is being learnt.
func (r *reorder) next(pts, interval int64) int64 {
	r.learn(pts)
	i, _ := slices.BinarySearch(r.pending, pts)
	r.pending = slices.Insert(r.pending, i, pts)
	var dts int64
	switch {
	case len(r.pending) > r.depth:
		dts = r.pending[0]
		r.pending = slices.Delete(r.pending, 0, 1)
	case !r.started:
		dts = pts - int64(r.depth)*interval
	default:
		dts = min(r.last+interval, r.pending[0])
	}
	if r.started && dts <= r.last {
		dts = r.last + 1
	}
	r.last, r.started = dts, true
	return dts
}

// learn makes depth as large as pts shows it to be: all pictures that came before
// and are shown later had to be held back.
func (r *reorder) learn(pts int64) {
	before := 0
	for _, p := range r.recent {
		if p > pts {
			before++
		}
	}
	r.depth = max(r.depth, before)
	if len(r.recent) == maxReorder {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	r.recent = append(r.recent, pts)
}
