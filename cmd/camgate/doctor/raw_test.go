package doctor

import (
	"errors"
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
	for _, o := range judge(tracks, "ffmpeg") {
		if o.Result != Cannot || o.Reason == "" {
			t.Errorf("%s: %s (%s)", o.Output, o.Result, o.Reason)
		}
	}
	if err := rtsp.Judge(tracks); !errors.Is(err, camgate.ErrUnsupportedCodec) || camgate.AnswerTo(err).RTSP != 415 {
		t.Error(err)
	}
}
