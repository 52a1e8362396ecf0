package rtsp

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/camgate/camgate"
)

// onePicture has one variant for all that is asked of it.
type onePicture struct {
	stream atomic.Pointer[camgate.Stream] // made when the server is up already
	asked  chan camgate.Variant
	users  atomic.Int32
}

func (o *onePicture) Use(_ context.Context, _ *camgate.Stream, v camgate.Variant) (*camgate.Stream, func(), error) {
	o.users.Add(1)
	select {
	case o.asked <- v:
	default:
	}
	return o.stream.Load(), func() { o.users.Add(-1) }, nil
}

// Of every stream there are its pictures as JPEG, for those who may see it, while they do.
func TestPictures(t *testing.T) {
	users := camgate.Users{{Name: "tv", Password: "a:b", Role: camgate.RoleViewer, Streams: []string{"yard", "own", "jpeg", "mjpeg"}}}
	made := &onePicture{asked: make(chan camgate.Variant, 1)}
	g := newGateway(t, func(o *Options) { o.Users, o.Variants = users, made })
	newCamera(t, g.stream(t, "yard"), false).gop(1)
	newCamera(t, g.stream(t, "other"), false).gop(1)
	newCamera(t, g.stream(t, "own"), false).gop(1)
	newCamera(t, g.stream(t, "own/mjpeg"), false).gop(1) // a profile has rights of its own
	pictures := g.stream(t, "made")
	newCamera(t, pictures, false).gop(1)
	made.stream.Store(pictures)
	for path, want := range map[string]int{
		"yard/mjpeg": 200, "other/mjpeg": 403, "own/mjpeg": 403, "nowhere/mjpeg": 403, "mjpeg": 404, "yard/mjpeg/mjpeg": 403, "yard/jpeg": 403,
	} {
		w := dialWire(t, g.url(path))
		w.auth = "Basic dHY6YTpi"
		if rep := w.do("DESCRIBE", w.base); rep.status != want {
			t.Errorf("%s: %d, want %d", path, rep.status, want)
		}
	}
	if v := <-made.asked; v != (camgate.Variant{Video: camgate.MJPEG}) {
		t.Errorf("asked for %+v", v)
	}
	if n := made.users.Load(); n != 0 {
		t.Errorf("%d use it after they have asked", n)
	}
	w := dialWire(t, g.url("yard/mjpeg"))
	w.auth = "Basic dHY6YTpi"
	w.setup(0)
	if n := made.users.Load(); n != 1 {
		t.Errorf("%d use it in a session", n)
	}
	w.conn.Close()
	eventually(t, "the variant is let go", func() bool { return made.users.Load() == 0 })
}

// A server that cannot have JPEG made knows no such stream.
func TestNoPictures(t *testing.T) {
	g := newGateway(t, nil)
	newCamera(t, g.stream(t, "yard"), false).gop(1)
	w := dialWire(t, g.url("yard/mjpeg"))
	w.want(404, "DESCRIBE", w.base)
}
