package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/camera"
	"github.com/camgate/camgate/ingest/encode"
)

// MainProfile is the profile that is the stream itself.
const MainProfile = "main"

const (
	minBitrate = 10_000
	maxBitrate = 200_000_000
	minGOP     = 100 * time.Millisecond
	maxGOP     = time.Minute
)

// DefaultVideo returns a Video that asks for nothing.
func DefaultVideo() *Video {
	return newDefault(reflect.TypeFor[Video]()).Addr().Interface().(*Video)
}

// Asks tells whether anything is wanted of the picture.
func (v *Video) Asks() bool { return *v != *DefaultVideo() }

// Main returns what the picture of the stream itself has to be; nil: whatever comes.
func (s *Stream) Main() *Video {
	if main := s.Profiles[MainProfile]; main != nil {
		return main
	}
	if s.Video.Asks() {
		return &s.Video
	}
	return nil
}

// Renditions returns the names of the profiles that are streams of their own, sorted.
func (s *Stream) Renditions() []string {
	names := slices.Sorted(maps.Keys(s.Profiles))
	return slices.DeleteFunc(names, func(name string) bool { return name == MainProfile })
}

// renditions counts those of all streams.
func (c *Config) renditions() (n int) {
	for _, s := range c.Streams {
		n += len(s.Renditions())
	}
	return n
}

// changeable are the keys of a Video that can be changed while it is served: a codec
// would be another track, for which all viewers had to come anew.
var changeable = [...]string{"bitrate", "encoder", "fps", "gop", "quality", "size"}

// Change returns the Video with other values for some keys. The error names the key.
func (v Video) Change(values map[string]string) (Video, error) {
	of := reflect.ValueOf(&v).Elem()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(changeable[:], key) {
			return v, fmt.Errorf("video.%s: cannot be changed while the gateway runs; what can is %s", printable(key), strings.Join(changeable[:], ", "))
		}
		for _, f := range fieldsOf(of.Type()) {
			if f.key != key {
				continue
			}
			if err := setScalar(of.FieldByIndex(f.Index), values[key], f.Tag); err != nil {
				return v, fmt.Errorf("video.%s: %q %w", key, printable(values[key]), err)
			}
		}
	}
	check := &validator{Config: Default()}
	check.video("video", &v, true)
	if len(check.problems) > 0 {
		return v, errors.New(check.problems[0].Message)
	}
	return v, nil
}

// Values are the keys that can be changed, with their values.
func (v Video) Values() map[string]any {
	out := map[string]any{"codec": v.Codec, "encoder": v.Encoder, "size": string(v.Size), "fps": v.FPS, "gop": v.GOP.String()}
	if v.Codec == "mjpeg" {
		out["quality"] = v.Quality
	} else {
		out["bitrate"] = int64(v.Bitrate)
	}
	return out
}

// maxAudioDelay is more than any camera needs for a picture.
const maxAudioDelay = 2 * time.Second

// profileName is one segment of a stream's name, in lower case.
var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// pictures checks what the pictures of a stream have to be. local says that its source
// is a camera of this machine.
func (v *validator) pictures(at string, s *Stream, local bool) {
	published := slices.Contains(s.Source, SourceURL(SchemePublish))
	if !local {
		const only = "is for cameras of this machine: v4l2://, rpicam://"
		if len(s.Controls) > 0 {
			v.fail(at+".controls", only)
		}
		if s.Audio != "" && !s.program() {
			v.fail(at+".audio", only+", exec:")
		}
	}
	if strings.HasPrefix(s.Audio, "-") {
		v.fail(at+".audio", "is a sound card as ALSA names it: hw:1, plughw:1,0, default")
	}
	if s.Audio == "" && s.AudioCodec != "opus" {
		v.fail(at+".audio_codec", `is for the sound of "audio"`)
	}
	switch {
	case s.AudioDelay > maxAudioDelay:
		v.fail(at+".audio_delay", "is %s at the most", maxAudioDelay)
	case s.AudioDelay > 0 && s.Audio == "":
		v.fail(at+".audio_delay", `is for the sound of "audio"`)
	}
	v.video(at+".video", &s.Video, local)
	if published && s.Main() != nil {
		v.fail(at, `a stream that is published to is as its publisher sends it: instead of "video" or the profile "main", give it a profile of another name`)
	}
	for name, profile := range s.Profiles {
		of := join(at, "profiles."+printable(name))
		v.video(of, profile, local && name == MainProfile)
		if name == MainProfile {
			if s.Video.Asks() {
				v.fail(of, `is the same as "video": one of them is enough`)
			}
			continue
		}
		v.profile(of, v.nameOf(s), name, profile)
	}
}

// nameOf finds the name of a stream.
func (v *validator) nameOf(s *Stream) string {
	for name, other := range v.Streams {
		if other == s {
			return name
		}
	}
	return ""
}

// profile checks the name of a rendition.
func (v *validator) profile(at, stream, name string, p *Video) {
	full := stream + "/" + name
	switch {
	case !profileName.MatchString(name):
		v.fail(at, "cannot be the name of a profile: it has 1 to 32 lower case letters, digits and _ -")
	case name == "mjpeg" && p.Codec != "mjpeg":
		v.fail(at, `NAME/mjpeg is pictures one by one: give it "codec: mjpeg", or another name`)
	case name != "mjpeg" && isOutput(name):
		v.fail(at, "%s is an output of each stream: give the profile another name", name)
	case v.Streams[full] != nil:
		v.fail(at, "it would be served as %q, which is a stream of its own here: give one of them another name", printable(full))
	default:
		if err := camgate.ValidName(full); err != nil {
			v.fail(at, "%v", err)
		}
	}
}

// codecs are those of a Video.
var codecs = map[string]camgate.Codec{"h264": camgate.H264, "h265": camgate.H265, "mjpeg": camgate.MJPEG}

func (v *validator) video(at string, p *Video, local bool) {
	switch {
	case p.Bitrate != 0 && (p.Bitrate < minBitrate || p.Bitrate > maxBitrate):
		v.fail(at+".bitrate", "is from 10k to 200M bits in a second")
	case p.Bitrate != 0 && p.Codec == "mjpeg":
		v.fail(at+".bitrate", "mjpeg has none: set its quality")
	}
	if p.GOP != 0 && (p.GOP < minGOP || p.GOP > maxGOP) {
		v.fail(at+".gop", "is from %s to %s", minGOP, maxGOP)
	}
	if p.GOP != 0 && p.Codec == "mjpeg" {
		v.fail(at+".gop", "mjpeg has none: each of its pictures is complete")
	}
	if p.Quality != 0 && p.Codec != "mjpeg" {
		v.fail(at+".quality", `is for "codec: mjpeg": set the bitrate`)
	}
	if names := encode.Names(codecs[p.Codec]); p.Encoder != "auto" && !slices.Contains(names, p.Encoder) {
		v.fail(at+".encoder", `%q is neither auto nor a name that "camgate encoders" lists: %s`, printable(p.Encoder), suggest(p.Encoder, names))
	}
	if _, err := camera.ParseFormat(p.Format); err != nil {
		v.fail(at+".format", "%v", err)
	}
	if p.Format != "auto" && !local {
		v.fail(at+".format", "is what a camera of this machine is asked for, for the stream itself: v4l2://, rpicam://")
	}
	v.adaptive(at, p)
}

func (v *validator) adaptive(at string, p *Video) {
	a := p.Adaptive
	switch {
	case a == Adaptive{}:
	case p.Codec == "mjpeg":
		v.fail(at+".adaptive", "mjpeg has no bitrate that could follow anything")
	case a.Max == 0 || a.Min == 0:
		v.fail(at+".adaptive", "needs both, min and max: {min: 300k, max: 4M}")
	case a.Min < minBitrate || a.Max > maxBitrate:
		v.fail(at+".adaptive", "is from 10k to 200M bits in a second")
	case a.Min >= a.Max:
		v.fail(at+".adaptive", "min is less than max")
	case p.Bitrate != 0 && (p.Bitrate < a.Min || p.Bitrate > a.Max):
		v.fail(at+".bitrate", "it begins with that: it lies between min and max of adaptive")
	}
}

// program tells whether the stream comes from a program.
func (s *Stream) program() bool {
	return slices.ContainsFunc(s.Source, func(text SourceURL) bool {
		_, ok := execLine(string(text))
		return ok
	})
}

// Local tells whether the stream comes from a camera of this machine.
func (s *Stream) Local() bool {
	return slices.ContainsFunc(s.Source, func(text SourceURL) bool {
		source, err := ParseSource(text)
		return err == nil && source.Local()
	})
}
