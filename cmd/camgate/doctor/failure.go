package doctor

import (
	"context"
	"errors"
	"net"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/trust"
)

// Failure is why a source does not play.
type Failure struct {
	Kind    string `json:"kind"`    // one of Kinds
	Exit    int    `json:"exit"`    // of camgate probe
	Meaning string `json:"meaning"` // in a sentence
	Advice  string `json:"advice"`  // what to do
	Error   string `json:"error"`   // in the words of what failed
}

// Kind is a sort of failure.
type Kind struct {
	Name    string
	Exit    int
	Meaning string
	Advice  string
	is      func(error) bool
}

func wraps(sentinel error) func(error) bool {
	return func(err error) bool { return errors.Is(err, sentinel) }
}

// Kinds lists the sorts of failures; the first one that fits counts.
func Kinds() []Kind {
	return []Kind{
		{"certificate_refused", 11, "The camera answers, but its certificate is not one to be trusted.",
			"Compare the fingerprint with what the camera shows, and put that line into the stream's config, or give it with --fingerprint.",
			func(err error) bool { var refused *trust.RefusedError; return errors.As(err, &refused) }},
		{"authentication_failed", 4, "The camera refuses the user or the password.",
			"Check both in the camera's own page (some have a separate user for ONVIF and RTSP), and wait a minute: many lock an account after a few wrong ones.",
			wraps(camgate.ErrAuthFailed)},
		{"not_found", 9, "The camera answers, but has no stream at this path.",
			"Look up the path of its RTSP stream in its manual or its page: it is everything behind the host.",
			wraps(camgate.ErrStreamNotFound)},
		{"too_many_streams", 8, "The camera serves as many clients as it can.",
			"End other viewers of the camera (apps, recorders), or raise its limit. With camgate in between it has one client, whoever watches.",
			wraps(camgate.ErrTooManyStreams)},
		{"no_video_track", 6, "The source has no picture.",
			"Take another path or profile of the camera, or switch its video stream on.",
			wraps(camgate.ErrNoVideoTrack)},
		{"unsupported_codec", 10, "What the source sends is nothing that camgate can take.",
			"Set the codec to H264 at the camera.",
			wraps(camgate.ErrUnsupportedCodec)},
		{"decoder_error", 7, "Pictures come, but a decoder finds errors in them.",
			"Try \"transport: tcp\" in case packets are lost, then lower the bitrate or the resolution at the camera, then look for newer firmware.",
			wraps(camgate.ErrDecoder)},
		{"timeout", 5, "The camera answers, but no pictures come, or they stop.",
			"Restart the camera's stream or the camera. If a player on this machine has pictures meanwhile, the camera may take one client only.",
			func(err error) bool {
				return errors.Is(err, camgate.ErrTimeout) || errors.Is(err, context.DeadlineExceeded)
			}},
		{"connection_failed", 3, "The camera cannot be reached, or hangs up.",
			"Check the address and the port, that the camera has power and network, and that no firewall is in between.",
			wraps(camgate.ErrConnectionFailed)},
		{"failed", 1, "It did not work.", "The error says why.", func(error) bool { return true }},
	}
}

// failureOf is nil without an error. Local says that there is no device to reach.
func failureOf(err error, local bool) *Failure {
	if err == nil {
		return nil
	}
	for _, k := range Kinds() {
		if !k.is(err) {
			continue
		}
		f := &Failure{Kind: k.Name, Exit: k.Exit, Meaning: k.Meaning, Advice: k.Advice, Error: clean(err.Error())}
		var unknown *net.DNSError
		refused := (*trust.RefusedError)(nil)
		switch {
		case errors.As(err, &unknown):
			f.Meaning = "The name of the camera is not known in this network."
			f.Advice = "Check the spelling, or write the camera's address in its place."
		case k.Exit == 3 && local:
			f.Meaning, f.Advice = "The source cannot be opened.", "Check the name of the file, the address to listen on, and the rights."
		case k.Exit == 5 && local:
			f.Meaning, f.Advice = "Nothing comes.", "Check that somebody sends to this address and port, and that no firewall is in between."
		case errors.As(err, &refused) && refused.Accept != "":
			f.Advice = clean("If it is the right one, " + refused.Accept + ", or give its fingerprint with --fingerprint.")
		}
		return f
	}
	return nil
}
