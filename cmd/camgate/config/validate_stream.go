package config

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/camgate/camgate/ingest/onvif"
	"github.com/camgate/camgate/ingest/rpicam"
	"github.com/camgate/camgate/ingest/ts"
)

// kinds tells which kinds of sources a stream has; one that is wrong may be any.
type kinds struct{ still, local, program bool }

func (v *validator) stream(at string, s *Stream) {
	if len(s.Source) == 0 {
		v.fail(at, `has no source: name a URL, "publish" or "demo"`)
	}
	var has kinds
	for i, text := range s.Source {
		path := at + ".source"
		if len(s.Source) > 1 {
			path = fmt.Sprintf("%s.source[%d]", at, i)
		}
		source, err := ParseSource(text)
		has.still = has.still || err != nil || source.Still()
		has.local = has.local || err != nil || source.Local()
		has.program = has.program || err != nil || source.Scheme == SchemeExec
		if err != nil {
			v.fail(path, "%v", err)
			continue
		}
		v.source(at, path, s, source)
	}
	for path, d := range map[string]time.Duration{"start_timeout": s.StartTimeout, "stall_timeout": s.StallTimeout} {
		if d < time.Second {
			v.fail(join(at, path), "has to be at least 1s")
		}
	}
	switch {
	case s.Poll < minPoll:
		v.fail(at+".poll", "has to be at least %s", minPoll)
	case s.Poll != defaultPoll && !has.still:
		v.fail(at+".poll", "is for sources of single pictures: http+jpeg://, https+jpeg://, and onvif:// with stills=true")
	}
	if s.Format != "auto" && !has.program {
		v.fail(at+".format", "is for exec: sources")
	}
	v.streamTLS(at+".tls", s)
	v.talk(at+".talk", s)
	v.pictures(at, s, has.local)
}

// source checks one source of a stream.
func (v *validator) source(at, path string, s *Stream, source Source) {
	switch source.Scheme {
	case SchemePublish:
		if len(s.Source) > 1 {
			v.fail(path, `"publish" stands alone: a stream that is published to has no other source`)
		} else if s.OnDemand {
			v.fail(at+".on_demand", `has no place with "source: publish": the publisher comes when it wants`)
		}
	case SchemeMPEGTS:
		if _, err := ts.New(ts.Options{URL: source.URL}); err != nil {
			v.fail(path, "%v", err)
		}
	case SchemeONVIF, SchemeONVIFS:
		if _, err := onvif.New(onvif.Options{URL: source.URL}); err != nil {
			v.fail(path, "%v", err)
		}
	case SchemeRPiCam:
		for _, wrong := range rpicam.Check(s.Controls) {
			v.fail(at+".controls", "%v", wrong)
		}
		if f := s.Video.Format; f != "auto" && f != "h264" && f != "mjpeg" {
			v.fail(at+".video.format", "a Raspberry Pi camera gives h264 or mjpeg")
		}
	case SchemeFile:
		if info, err := os.Stat(v.File(source.Path)); err != nil {
			v.warn(path, "%s: %v", printable(source.Path), unwrapPath(err))
		} else if info.IsDir() {
			v.warn(path, "%s is a folder: name a file in it", printable(source.Path))
		}
	}
}

func (v *validator) talk(at string, s *Stream) {
	if s.Talk && !slices.ContainsFunc(s.Source, takesSound) {
		v.fail(at, "is for sources that are rtsp://, rtsps://, onvif:// or onvifs://")
	}
}

// takesSound tells whether a source may have a loudspeaker; one that is wrong is told of
// elsewhere.
func takesSound(text SourceURL) bool {
	source, err := ParseSource(text)
	return err != nil || source.Scheme == SchemeRTSP || source.Scheme == SchemeRTSPS || source.Scheme == SchemeONVIF || source.Scheme == SchemeONVIFS
}

const (
	defaultPoll = time.Second // as in the tag of Stream.Poll
	minPoll     = 20 * time.Millisecond
)
