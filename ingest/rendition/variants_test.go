package rendition

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/camgate/camgate"
)

// A variant is there at once with the pictures that its stream has kept, the same bytes
// at the same time; it is one for all, and ends some time after the last one left.
func TestVariant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := &studio{}
		s := newStage(t, VariantOptions{Sounds: shop.make})
		defer s.stop()
		began := time.Now()
		what := camgate.Variant{Audio: camgate.Opus}
		stream, release := s.use(t, what)
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
		original, err := s.stream.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer original.Close()
		copied, err := stream.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer copied.Close()
		if got := stream.Tracks()[1].Codec; got != camgate.Opus {
			t.Fatalf("the sound is %s", got)
		}
		picture := func(r *camgate.Reader) *camgate.Unit {
			for {
				if u := next(t, r); u.Track.Kind == camgate.Video {
					return u
				}
			}
		}
		for range 40 {
			a, b := picture(original), picture(copied)
			for b.PTS < a.PTS { // it began a keyframe earlier
				b = picture(copied)
			}
			if a.PTS != b.PTS || a.RTPTime() != b.RTPTime() || a.RandomAccess != b.RandomAccess || !bytes.Equal(a.AU[0], b.AU[0]) {
				t.Fatalf("%v became %v", a, b)
			}
		}
		sounds := 0
		for range 40 {
			if u := next(t, copied); u.Track.Kind == camgate.Audio {
				sounds++
			}
		}
		if sounds < 15 {
			t.Errorf("%d sounds", sounds)
		}
		again, releaseAgain := s.use(t, what)
		if again != stream || len(shop.all) != 1 {
			t.Error("it was made twice")
		}
		if got := s.stream.Info().Variants; len(got) != 1 || got[0].Made[0] != "audio PCMA -> Opus" {
			t.Errorf("variants %+v", got)
		}
		copied.Close()
		release()
		release()
		time.Sleep(time.Minute)
		if len(s.stream.Info().Variants) != 1 {
			t.Error("it ended under its user")
		}
		releaseAgain()
		time.Sleep(4 * time.Second)
		same, release := s.use(t, what)
		if same != stream {
			t.Error("it did not linger")
		}
		release()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if len(s.stream.Info().Variants) != 0 || !shop.all[0].closed.Load() {
			t.Error("it does not end")
		}
		next, release := s.use(t, what)
		defer release()
		if next == stream {
			t.Error("it came back from the dead")
		}
	})
}

// That B-frames are needed is found out before there is a variant without them, also when
// the newest GOP has only its keyframe yet.
func TestPyramidInAGOPThatHasJustBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStageOf(t, &camera{pyramid: true}, VariantOptions{})
		defer s.stop()
		_, _, err := s.variants.Use(t.Context(), s.stream, camgate.Variant{NoReorder: true})
		if !errors.Is(err, camgate.ErrUnsupportedCodec) {
			t.Errorf("error %v", err)
		}
	})
}

// The camera goes, and comes back: who watches a variant stays.
func TestVariantOfACameraThatReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, VariantOptions{Sounds: (&studio{}).make})
		defer s.stop()
		stream, r, leave := s.watch(t, camgate.Variant{Audio: camgate.Opus})
		defer leave()
		s.camera.fail(fmt.Errorf("%w: pulled out", camgate.ErrConnectionFailed))
		time.Sleep(10 * time.Second)
		if err := stream.Status().Err; err == nil || !strings.Contains(err.Error(), "pulled out") {
			t.Errorf("its state is %+v", stream.Status())
		}
		s.camera.fail(nil)
		time.Sleep(5 * time.Second)
		for u := next(t, r); u.Time() < stream.Now()-time.Second; u = next(t, r) {
		}
		if st := stream.Status().State; st != camgate.StateLive {
			t.Errorf("it is %s", st)
		}
	})
}

func TestVariantThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := fmt.Errorf("%w: nobody understands it", camgate.ErrUnsupportedCodec)
		s := newStage(t, VariantOptions{Sounds: (&studio{fail: refuse}).make, Encoders: &workshop{}, Rules: func(string) Rules {
			return Rules{RefuseBFrames: true}
		}})
		defer s.stop()
		stream, release := s.use(t, camgate.Variant{Audio: camgate.Opus})
		defer release()
		if got := stream.Tracks()[1].Codec; got != camgate.PCMA {
			t.Errorf("the sound is %s", got)
		}
		if w := stream.Info().Warnings; len(w) != 1 || w[0] != "Opus cannot be made of PCMA: nobody understands it" {
			t.Errorf("warnings %q", w)
		}
		for want, v := range map[error]camgate.Variant{
			camgate.ErrEncoderUnavailable: {Video: camgate.H265},
			camgate.ErrUnsupportedCodec:   {NoReorder: true},
		} {
			if _, _, err := s.variants.Use(t.Context(), s.stream, v); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", v, err, want)
			}
		}
	})
}

// A sound that only fails is made anew.
func TestSoundThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := &studio{mute: errors.New("it died")}
		s := newStage(t, VariantOptions{Sounds: shop.make})
		defer s.stop()
		stream, release := s.use(t, camgate.Variant{Audio: camgate.Opus})
		defer release()
		time.Sleep(5 * time.Second)
		shop.mu.Lock()
		defer shop.mu.Unlock()
		if len(shop.all) != 2 || !shop.all[0].closed.Load() {
			t.Errorf("%d were made", len(shop.all))
		}
		r, err := stream.Subscribe(t.Context(), camgate.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for next(t, r).Track.Kind != camgate.Audio {
		}
	})
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		rules Rules
		in    camgate.Variant
		want  Settings
		err   bool
	}{
		{Rules{}, camgate.Variant{NoReorder: true, Audio: camgate.Opus}, Settings{BFrames: BFramesAuto, Audio: camgate.Opus}, false},
		{Rules{BFrames: BFramesEncode}, camgate.Variant{NoReorder: true}, Settings{BFrames: BFramesEncode}, false},
		{Rules{KeepVideo: true}, camgate.Variant{NoReorder: true}, Settings{BFrames: BFramesDrop}, false},
		{Rules{KeepVideo: true}, camgate.Variant{Video: camgate.H264}, Settings{}, true},
		{Rules{KeepAudio: true}, camgate.Variant{Video: camgate.H264, Audio: camgate.Opus}, Settings{Codec: camgate.H264, Only420: true}, false},
		{Rules{}, camgate.Variant{Video: camgate.MJPEG}, Settings{Codec: camgate.MJPEG}, false},
		{Rules{KeepAudio: true}, camgate.Variant{Audio: camgate.Opus}, Settings{}, true},
		{Rules{RefuseBFrames: true}, camgate.Variant{NoReorder: true}, Settings{}, true},
		{Rules{RefuseBFrames: true}, camgate.Variant{Video: camgate.H264, NoReorder: true}, Settings{}, true},
	} {
		what, err := c.rules.permit(c.in)
		if (err != nil) != c.err || err != nil && !errors.Is(err, camgate.ErrUnsupportedCodec) {
			t.Errorf("%+v of %s: %v", c.rules, c.in, err)
			continue
		}
		if got := c.rules.settings(what); err == nil && got != c.want {
			t.Errorf("%+v of %s: %+v, want %+v", c.rules, c.in, got, c.want)
		}
	}
}
