package camera

import (
	"fmt"
	"slices"
	"sync"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/internal/v4l2"
)

// layout is how the pixels of a raw format lie in memory.
type layout struct {
	name string // ffmpeg's
	rank int    // in the order in which an encoder likes them
	// lines have so many bytes for that many pixels
	bytes, pixels int
	planes        []split
}

// split is by how much a plane is smaller than the first one: the lines have 1/across
// of its bytes, and there are 1/down of them.
type split struct{ across, down int }

var layouts = map[v4l2.FourCC]layout{
	v4l2.NV12: {"nv12", 1, 1, 1, []split{{1, 1}, {1, 2}}},
	v4l2.NM12: {"nv12", 2, 1, 1, []split{{1, 1}, {1, 2}}},
	v4l2.YU12: {"yuv420p", 3, 1, 1, []split{{1, 1}, {2, 2}, {2, 2}}},
	v4l2.YM12: {"yuv420p", 4, 1, 1, []split{{1, 1}, {2, 2}, {2, 2}}},
	v4l2.YUYV: {"yuyv422", 5, 2, 1, []split{{1, 1}}},
	v4l2.UYVY: {"uyvy422", 6, 2, 1, []split{{1, 1}}},
	v4l2.NV21: {"nv21", 7, 1, 1, []split{{1, 1}, {1, 2}}},
	v4l2.YVYU: {"yvyu422", 8, 2, 1, []split{{1, 1}}},
	v4l2.P422: {"yuv422p", 9, 1, 1, []split{{1, 1}, {2, 1}, {2, 1}}},
	v4l2.RGB3: {"rgb24", 10, 3, 1, []split{{1, 1}}},
	v4l2.BGR3: {"bgr24", 11, 3, 1, []split{{1, 1}}},
	v4l2.GREY: {"gray", 12, 1, 1, []split{{1, 1}}},
}

func rawNames() (out []string) {
	for f := range layouts {
		out = append(out, f.String())
	}
	slices.SortFunc(out, func(a, b string) int {
		fa, _ := v4l2.ParseFourCC(a)
		fb, _ := v4l2.ParseFourCC(b)
		return layouts[fa].rank - layouts[fb].rank
	})
	return out
}

// rawPictures copies raw pictures out of a device's buffers: the only copy there is.
type rawPictures struct {
	layout layout
	stride int   // of the first plane, in the buffer and in the copy
	height int   // lines of the first plane
	from   []int // by plane: stride in the buffer, where planes have memory of their own
	size   int   // bytes of a picture
	pool   *pool
}

func newRawPictures(f v4l2.Format) (*rawPictures, error) {
	l, ok := layouts[f.Pixels]
	if !ok || len(f.Planes) == 0 {
		return nil, fmt.Errorf("%w: pixel format %s", camgate.ErrUnsupportedCodec, f.Pixels)
	}
	r := &rawPictures{layout: l, stride: f.Planes[0].Stride, height: f.Height}
	if least := f.Width * l.bytes / l.pixels; r.stride < least {
		r.stride = least // some drivers tell none
	}
	for _, p := range f.Planes {
		r.from = append(r.from, p.Stride)
	}
	for _, s := range l.planes {
		r.size += r.stride / s.across * (r.height / s.down)
	}
	const most = 64 << 20
	if r.size <= 0 || r.size > most || len(r.from) != 1 && len(r.from) != len(l.planes) {
		return nil, fmt.Errorf("%w: %s pictures of %d bytes in %d planes", camgate.ErrUnsupportedCodec, f.Pixels, r.size, len(r.from))
	}
	r.pool = &pool{size: r.size}
	return r, nil
}

// take copies a picture; nil: it is not whole.
func (r *rawPictures) take(planes [][]byte) *picture {
	p := r.pool.get()
	if len(planes) == 1 {
		if len(planes[0]) >= r.size {
			copy(p.data, planes[0])
			return p
		}
		p.Free()
		return nil
	}
	out := p.data
	for i, s := range r.layout.planes {
		stride, lines := r.stride/s.across, r.height/s.down
		from := max(r.from[i], stride)
		if i >= len(planes) || len(planes[i]) < from*(lines-1)+stride {
			p.Free()
			return nil
		}
		if from == stride {
			copy(out[:stride*lines], planes[i])
		} else {
			for y := range lines {
				copy(out[y*stride:][:stride], planes[i][y*from:])
			}
		}
		out = out[stride*lines:]
	}
	return p
}

// pool lends memory for pictures of one size, and keeps a few that came back.
type pool struct {
	size int
	mu   sync.Mutex
	free []*picture
}

// maxFree is more than a stream and its readers have at a time.
const maxFree = 8

// picture is memory for one; it implements camgate.Memory.
type picture struct {
	pool *pool
	data []byte
	au   [][]byte // data, in the form of an access unit
}

func (p *pool) get() *picture {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		out := p.free[n-1]
		p.free = p.free[:n-1]
		return out
	}
	out := &picture{pool: p, data: make([]byte, p.size)}
	out.au = [][]byte{out.data}
	return out
}

// Free gives the memory back.
func (p *picture) Free() {
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	if len(p.pool.free) < maxFree {
		p.pool.free = append(p.pool.free, p)
	}
}
