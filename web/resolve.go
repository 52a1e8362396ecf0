package web

import (
	"path"
	"strings"

	"github.com/camgate/camgate"
)

// output is what a URL below a stream's name asks for.
type output int

const (
	outUnknown output = iota
	outPage
	outPageSlash // the page with a slash too many
	outWHEP
	outWHIP
	outHLS
	outMJPEG
	outSnapshot
	outHandshake // WebRTC as camera-streamer has it
	outPublish   // the page from which it is published
)

// target is what a path means.
type target struct {
	name   string          // of the stream, or what was probably meant by it
	stream *camgate.Stream // nil: there is none of that name
	output output
	rest   string // see Output
}

// maxPath bounds the paths that are looked at: a name, an output and the name of
// a session or a file.
const maxPath = 512

// mjpegTail is what follows the name of a stream whose pictures are wanted one by one.
const mjpegTail = "/mjpeg"

// resolve finds out what a decoded URL path means. Streams' names have slashes, so
// the longest name that begins the path counts and what is left selects the output.
func resolve(g *camgate.Registry, urlPath string) target {
	if len(urlPath) > maxPath || !strings.HasPrefix(urlPath, "/") {
		return target{}
	}
	p := urlPath[1:]
	for end := len(p); end > 0; end = strings.LastIndexByte(p[:end], '/') {
		if stream, err := g.Get(p[:end]); err == nil {
			if base, ok := strings.CutSuffix(p, mjpegTail); ok && end == len(p) {
				if _, err := g.Get(base); err == nil {
					// A rendition in place of the pictures that would be made otherwise. Whoever
					// may see the one may see the other.
					return target{name: base, stream: stream, output: outMJPEG}
				}
			}
			out, rest := outputOf(p[end:])
			return target{name: p[:end], stream: stream, output: out, rest: rest}
		}
	}
	return guess(p)
}

// guess tells what was probably meant by a path that no stream's name begins, so
// that rights can be checked and the error can name it.
func guess(p string) target {
	for end := strings.LastIndexByte(p, '/'); end > 0; end = strings.LastIndexByte(p[:end], '/') {
		if out, rest := outputOf(p[end:]); out > outPageSlash && camgate.ValidName(p[:end]) == nil {
			return target{name: p[:end], output: out, rest: rest}
		}
	}
	name, slash := strings.CutSuffix(p, "/")
	if camgate.ValidName(name) != nil {
		return target{}
	}
	if slash {
		return target{name: name, output: outPageSlash}
	}
	return target{name: name, output: outPage}
}

// outputOf says what the part of a path behind a stream's name selects.
func outputOf(tail string) (out output, rest string) {
	switch tail {
	case "":
		return outPage, ""
	case "/":
		return outPageSlash, ""
	case mjpegTail:
		return outMJPEG, ""
	case "/snapshot.jpg":
		return outSnapshot, ""
	case "/publish":
		return outPublish, ""
	}
	first, rest, more := strings.Cut(tail[1:], "/")
	switch {
	case more && (rest == "" || strings.Contains(rest, "/")):
		return outUnknown, ""
	case first == "whep":
		return outWHEP, rest
	case first == "whip":
		return outWHIP, rest
	case more:
		return outUnknown, ""
	}
	switch path.Ext(first) {
	case ".m3u8", ".mp4", ".m4s", ".ts":
		return outHLS, first
	}
	return outUnknown, ""
}
