package encode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
)

// What a trial is.
const (
	trialPictures = 30
	trialTime     = 10 * time.Second // for all variants of an encoder; more after one that took longer
	trialMargin   = 1.2              // times the wanted rate
	trialForce    = 20               // the picture that is to be a keyframe
)

// trial tries an encoder: a real session at the wanted size, whose pictures are
// counted, looked at and decoded.
func (e *Encoders) trial(ctx context.Context, k *kind, path string, s Settings, limit time.Duration) proof {
	p := proof{When: time.Now()}
	if k.missing != nil {
		if p.Reason = k.missing(); p.Reason != "" {
			return p
		}
	}
	if len(k.variants) == 0 {
		p.Reason = "no device makes this"
		return p
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, v := range k.variants {
		a, err := e.try(ctx, Encoder{kind: k, variant: v, path: path, env: e.environ()}, s, limit)
		want := s.FPS * trialMargin
		if err == nil && a.fps >= want {
			return proof{When: p.When, Works: true, FPS: a.fps, Variant: v.name, Forces: a.forces, Begin: a.begin}
		}
		if err == nil || outOfTime(ctx, err) {
			if of, is := k.late(a, v, want, err); is {
				if !p.Late || !p.usable() && of.usable() {
					of.When, p = p.When, of
				}
				if err != nil {
					return p
				}
				continue // another way may be fast enough even now
			}
		}
		switch {
		case p.usable(): // in another way it may work
		case err == nil:
			p.FPS = max(p.FPS, a.fps)
			p.Reason = fmt.Sprintf("too slow: %.0f pictures per second, %.0f are needed for %.0f", p.FPS, want, s.FPS)
		case ctx.Err() != nil:
			p.Reason = fmt.Sprintf("not done within %v", limit)
			return p
		case p.FPS == 0: // else it works in another way, though too slowly
			p.Reason = reason(err)
		}
		if errors.Is(err, ErrHung) {
			return p // a driver that hangs may do so at length
		}
	}
	return p
}

// try makes pictures, and returns how many there were, how many per second, and whether
// keyframes can be asked for; also if it fails.
func (e *Encoders) try(ctx context.Context, enc Encoder, s Settings, limit time.Duration) (a attempt, err error) {
	f := Format{Codec: camgate.Raw, Width: s.Width, Height: s.Height, Pixels: "yuv420p", FPS: s.FPS}
	session, err := enc.Open(f, s)
	if err != nil {
		return a, err
	}
	session.patience, session.hang = limit*4/5, limit/4
	var (
		made        bytes.Buffer
		first, last time.Time
		begin       = time.Now()
		before      = processors()
		interval    = time.Duration(float64(time.Second) / s.FPS)
		moving      = newPattern(f)
		given       int
	)
	err = session.Run(ctx, func(context.Context) (Picture, error) {
		if given == trialPictures {
			return Picture{}, io.EOF
		}
		if given == trialForce {
			session.force.Store(true)
		}
		given++
		return Picture{Time: time.Duration(given) * interval, AU: [][]byte{moving.next()}}, nil
	}, func(p Picture) error {
		last = time.Now()
		if a.pictures == 0 {
			first = last
			if err := checkSize(s, p.AU); err != nil {
				return err
			}
		}
		if a.pictures == trialForce && p.Key {
			a.forces = true
		}
		for _, nalu := range p.AU {
			if s.Codec != camgate.MJPEG {
				made.Write([]byte{0, 0, 0, 1})
			}
			made.Write(nalu)
		}
		a.pictures++
		return nil
	})
	a.cpu, a.wall, a.free = session.cpu, time.Since(begin), processors().free(before)
	if err == nil { // its end is that of the check, too
		defer func() { a.free = processors().free(before) }()
	}
	if a.pictures > 0 {
		a.begin = first.Sub(begin)
	}
	if a.pictures > 1 {
		a.fps = float64(a.pictures-1) / max(last.Sub(first), time.Microsecond).Seconds()
	}
	switch {
	case err != nil:
		return a, err
	case a.pictures != trialPictures:
		return a, fmt.Errorf("%w: %d pictures of %d", ErrGarbage, a.pictures, trialPictures)
	}
	return a, enc.decodes(ctx, s.Codec, made.Bytes())
}

// checkSize looks at what the first picture says of itself.
func checkSize(s Settings, au [][]byte) error {
	width, height := s.Width, s.Height
	var err error
	for _, nalu := range au {
		switch {
		case s.Codec == camgate.H264 && nalu[0]&0x1f == byte(h264.NALUTypeSPS):
			var sps h264.SPS
			err = sps.Unmarshal(nalu)
			width, height = sps.Width(), sps.Height()
		case s.Codec == camgate.H265 && h265.NALUType(nalu[0]>>1&0x3f) == h265.NALUType_SPS_NUT:
			var sps h265.SPS
			err = sps.Unmarshal(nalu)
			width, height = sps.Width(), sps.Height()
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrGarbage, err)
	case width != s.Width || height != s.Height:
		return fmt.Errorf("%w: pictures of %dx%d", ErrGarbage, width, height)
	}
	return nil
}

// decodes has ffmpeg decode what an encoder made, and counts.
func (e Encoder) decodes(ctx context.Context, codec camgate.Codec, stream []byte) error {
	format := map[camgate.Codec]string{camgate.H264: "h264", camgate.H265: "hevc", camgate.MJPEG: "mjpeg"}[codec]
	pictures := 0
	err := child.Run(ctx, child.Command{Path: e.path, Args: []string{
		"-v", "error", "-nostdin", "-xerror", "-threads", "1", "-f", format, "-i", "pipe:0",
		"-vf", "scale=16:16:flags=neighbor", "-vsync", "passthrough", "-f", "framecrc", "pipe:1",
	}}, func(p *child.Process) error {
		written := make(chan struct{})
		go func() { // waited for below
			defer close(written)
			_, _ = p.Stdin.Write(stream)
			p.Stdin.Close()
		}()
		lines, err := io.ReadAll(p.Stdout)
		p.Stdin.Close()
		<-written
		for line := range bytes.Lines(lines) {
			if line[0] != '#' {
				pictures++
			}
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: it cannot be decoded: %w", ErrGarbage, err)
	case pictures != trialPictures:
		return fmt.Errorf("%w: %d pictures of %d can be decoded", ErrGarbage, pictures, trialPictures)
	}
	return nil
}

// pattern makes pictures that move, so that there is something to encode.
type pattern struct {
	picture []byte
	width   int
	n       int
}

func newPattern(f Format) *pattern {
	l, err := f.layout()
	if err != nil {
		return &pattern{picture: []byte{0}, width: 1} // a session refuses it
	}
	p := &pattern{picture: make([]byte, l.bytes), width: f.Width}
	for i := range p.picture {
		p.picture[i] = byte(i/7 ^ i/f.Width)
	}
	return p
}

// next returns the next picture; the one before it is overwritten.
func (p *pattern) next() []byte {
	p.n++
	line := make([]byte, p.width) // a bar that falls
	for i := range line {
		line[i] = byte(p.n * 31)
	}
	lines := max(len(p.picture)/p.width, 1)
	for i := range max(lines/16, 1) {
		at := (p.n*8 + i) % lines * p.width
		copy(p.picture[at:], line)
	}
	return p.picture
}

// reason says in few words why an encoder does not work: what ffmpeg says first,
// without what follows from it.
func reason(err error) string {
	var se *SessionError
	if !errors.As(err, &se) || se.Output == "" || !errors.Is(err, ErrDied) {
		text := err.Error()
		if se != nil {
			text = se.Err.Error()
		}
		return strings.TrimPrefix(text, camgate.ErrEncoderUnavailable.Error()+": ")
	}
	for line := range strings.SplitSeq(se.Output, "; ") {
		if rest, found := strings.CutPrefix(line, "["); found {
			if _, text, ok := strings.Cut(rest, "] "); ok {
				line = text
			}
		}
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return se.Output
}
