package encode

import "github.com/camgate/camgate"

// kind is an encoder that ffmpeg may have.
type kind struct {
	name     string
	codec    camgate.Codec
	hardware bool
	setup    []string // arguments before the input: devices
	filter   string   // the last one: pictures as the encoder takes them
	options  func(Settings) []string
}

// kinds lists the encoders, the best first.
func kinds() []kind {
	return []kind{
		{name: "libx264", codec: camgate.H264, filter: "format=yuv420p|nv12", options: x264},
	}
}

func x264(s Settings) []string {
	return []string{"-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-forced-idr", "1", "-threads", "1"}
}
