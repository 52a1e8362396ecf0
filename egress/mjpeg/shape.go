package mjpeg

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camgate/camgate"
)

// The values that a picture's width, rate and quality can have. What viewers ask for is
// brought to one of these, so that they share what is made.
var (
	widths    = []int{160, 320, 480, 640, 800, 960, 1280, 1600, 1920}
	rates     = []int{1, 2, 5, 10, 15, 20, 25, 30}
	qualities = []int{20, 35, 50, 70, 85, 95}
)

// shape is how pictures are to be. The zero value is as they come, or as the config has them.
type shape struct{ width, fps, quality int }

// encoded reports whether each picture has to be made anew, also where there are JPEGs.
func (s shape) encoded() bool { return s.width > 0 || s.quality > 0 }

// interval is the time between two pictures; 0: no pictures are left out.
func (s shape) interval() time.Duration {
	if s.fps == 0 {
		return 0
	}
	return time.Second / time.Duration(s.fps)
}

// String writes the shape as it can be asked for.
func (s shape) String() string {
	var parts []string
	for _, p := range []struct {
		name  string
		value int
	}{{"width", s.width}, {"fps", s.fps}, {"quality", s.quality}} {
		if p.value > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", p.name, p.value))
		}
	}
	return strings.Join(parts, " ")
}

// wanted is one rendition: of which stream, and how.
type wanted struct {
	stream *camgate.Stream
	shape
}

// Name is that of the stream.
func (w wanted) Name() string { return w.stream.Name() }

// ShapeHeader names the response header that tells what the picture was brought to:
// "width=640 fps=5 quality=70".
const ShapeHeader = "X-Camgate-Picture"

// request is what the query of a URL asks for. Parameters that are not known are left
// alone: pages add some against caches.
type request struct {
	shape
	maxAge time.Duration // of a snapshot; negative: whatever is there
	adapt  bool
}

func (s *Server) parse(r *http.Request) (q request, err error) {
	q = request{maxAge: -1, adapt: !s.opts.Steady}
	query := r.URL.Query()
	number := func(name string, low, high float64) (value float64, ok bool) {
		if !query.Has(name) || err != nil {
			return 0, false
		}
		value, bad := strconv.ParseFloat(query.Get(name), 64)
		if bad != nil || !(value >= low && value <= high) {
			err = fmt.Errorf("%w: %s: write a number from %v to %v", camgate.ErrBadRequest, name, low, high)
		}
		return value, err == nil
	}
	if v, ok := number("width", 1, 16384); ok {
		q.width = atLeast(widths, v)
	}
	if v, ok := number("fps", 0.01, 240); ok && v <= float64(rates[len(rates)-1]) {
		q.fps = atMost(rates, v)
	}
	if v, ok := number("quality", 1, 100); ok {
		q.quality = nearest(qualities, v)
	}
	if v, ok := number("max_age", 0, 86400); ok {
		q.maxAge = time.Duration(v * float64(time.Second))
	} else if v := directive(r, "max-age"); v >= 0 {
		q.maxAge = v
	}
	switch v := query.Get("adapt"); {
	case v == "0":
		q.adapt = false
	case v == "1":
		q.adapt = true
	case query.Has("adapt") && err == nil:
		err = fmt.Errorf("%w: adapt: write 0 or 1", camgate.ErrBadRequest)
	}
	return q, err
}

// directive returns a number of seconds that Cache-Control asks for (RFC 9111 section
// 5.2.1), negative where there is none.
func directive(r *http.Request, name string) time.Duration {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Cache-Control"), ","), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil && strings.EqualFold(key, name) {
			return time.Duration(n) * time.Second
		}
	}
	return -1
}

// atLeast is the first value that is not less than v; 0, which is the picture's own, where
// there is none.
func atLeast(ladder []int, v float64) int {
	if i := slices.IndexFunc(ladder, func(n int) bool { return float64(n) >= v }); i >= 0 {
		return ladder[i]
	}
	return 0
}

// atMost is the last value that is not more than v, or the first one.
func atMost(ladder []int, v float64) int {
	at := ladder[0]
	for _, n := range ladder {
		if float64(n) <= v {
			at = n
		}
	}
	return at
}

func nearest(ladder []int, v float64) int {
	return slices.MinFunc(ladder, func(a, b int) int {
		return int(1e3 * (max(v-float64(a), float64(a)-v) - max(v-float64(b), float64(b)-v)))
	})
}

// fit leaves out of a shape what the track has, or what is made of it without being asked for.
func (s *Server) fit(q shape, t *camgate.Track) shape {
	if w := t.Params().Width; w > 0 && q.width >= w {
		q.width = 0
	}
	if t.Codec != camgate.MJPEG {
		if s.opts.MaxFPS > 0 && float64(q.fps) >= s.opts.MaxFPS {
			q.fps = 0
		}
		if q.quality == s.opts.Quality {
			q.quality = 0
		}
	}
	return q
}
