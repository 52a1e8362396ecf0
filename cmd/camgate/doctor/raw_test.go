package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
	"github.com/camgate/camgate/rtsp"
)

// Pictures that are not compressed never leave the gateway.
func TestNoOutputTakesRaw(t *testing.T) {
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.Raw})
	if err != nil {
		t.Fatal(err)
	}
	tracks := []*camgate.Track{track}
	for _, o := range judge(t.Context(), nil, tracks, nil, "ffmpeg") {
		if o.Result != Cannot || o.Reason == "" {
			t.Errorf("%s: %s (%s)", o.Output, o.Result, o.Reason)
		}
	}
	if err := rtsp.Judge(tracks); !errors.Is(err, camgate.ErrUnsupportedCodec) || camgate.AnswerTo(err).RTSP != 415 {
		t.Error(err)
	}
}

// JPEG that RTP cannot carry is told with the reason, and what to set at the camera.
func TestJPEGWithoutRTP(t *testing.T) {
	track, err := ingest.NewTrack(camgate.TrackOptions{Codec: camgate.MJPEG, Params: &camgate.Params{NoRTP: "they are progressive JPEG"}})
	if err != nil {
		t.Fatal(err)
	}
	r := newReport("x")
	r.Tracks, r.Outputs = []Track{{Kind: camgate.Video, Codec: camgate.MJPEG}}, judge(t.Context(), nil, []*camgate.Track{track}, nil, "ffmpeg")
	if o := r.Outputs[0]; o.Output != "rtsp" || o.Result != Cannot || !strings.Contains(o.Reason, "they are progressive JPEG") {
		t.Errorf("%+v", o)
	}
	if o := r.Outputs[3]; o.Output != "mjpeg" || o.Result != Works {
		t.Errorf("%+v", o)
	}
	if !slices.ContainsFunc(advise(r), func(a Advice) bool { return a.ID == "jpeg" }) {
		t.Error(advise(r))
	}
}
