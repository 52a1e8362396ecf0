// Package file plays a recording as a camera: an MP4 or MPEG-TS file in real time,
// over and over, with timestamps that go on through the end of the file.
package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest"
)

// Options name the recording: a file by its Path, or Data in memory.
type Options struct {
	Name string // how the source describes itself; default "file:" and the path
	Path string
	Data []byte
}

// New makes a source that plays the recording in a loop.
func New(o Options) (camgate.Source, error) {
	if (o.Path == "") == (o.Data == nil) {
		return nil, errors.New("file: give either a path or data")
	}
	if o.Name == "" {
		o.Name = "file:" + o.Path
	}
	return &source{o}, nil
}

type source struct{ opts Options }

func (s *source) String() string { return s.opts.Name }

// recording is a way through a file.
type recording interface {
	tracks() []*camgate.Track
	// leftOut says which tracks there are besides; empty: none.
	leftOut() string
	// next returns the samples in the order in which they are due, from zero on, and
	// io.EOF after the last one.
	next() (sample, error)
	// rewind goes back to the first sample.
	rewind() error
}

// sample is an access unit with its place in the recording.
type sample struct {
	track int
	dts   time.Duration // when it is due, from the beginning of the recording
	pts   int64         // in ticks of the track's clock rate, from the same moment
	end   time.Duration // when the next one of the same track is due
	au    [][]byte
}

// Run plays the recording until ctx ends or the file cannot be read.
func (s *source) Run(ctx context.Context, stream *camgate.Stream) error {
	var r io.ReadSeeker = bytes.NewReader(s.opts.Data)
	if s.opts.Path != "" {
		f, err := os.Open(s.opts.Path)
		if err != nil {
			return fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
		}
		defer f.Close()
		r = f
	}
	rec, err := open(r)
	if err != nil {
		return err
	}
	stream.Warn("tracks", rec.leftOut())
	w, err := ingest.NewWriter(stream, rec.tracks())
	if err != nil {
		return err
	}
	defer w.Close()
	p := player{w: w, timer: time.NewTimer(0), began: time.Now()}
	defer p.timer.Stop()
	for {
		if err := p.pass(ctx, rec); err != nil {
			return err
		}
		if err := rec.rewind(); err != nil {
			return err
		}
	}
}

// open finds out what the file is by its first bytes, and looks for its tracks.
func open(r io.ReadSeeker) (rec recording, err error) {
	defer func() {
		// A file that takes the libraries by surprise is no reason to end the gateway.
		if broken := recover(); broken != nil {
			rec, err = nil, fmt.Errorf("%w: the file is broken: %v", camgate.ErrUnsupportedCodec, broken)
		}
	}()
	var head [3 * tsPacket]byte
	n, err := readHead(r, head[:])
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", camgate.ErrConnectionFailed, err)
	case n == 0:
		return nil, fmt.Errorf("%w: the file is empty", camgate.ErrNoVideoTrack)
	case isMP4(head[:n]):
		rec, err = openMP4(r)
	case isTS(head[:n]):
		rec, err = openTS(r)
	default:
		err = errors.New("neither an MP4 nor an MPEG-TS file")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", camgate.ErrUnsupportedCodec, err)
	}
	if len(rec.tracks()) == 0 {
		return nil, fmt.Errorf("%w: no track in the file that camgate can play", camgate.ErrNoVideoTrack)
	}
	return rec, nil
}

// readHead reads the beginning of the file, as far as it goes, and rewinds.
func readHead(r io.ReadSeeker, head []byte) (n int, err error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	n, err = io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, err
	}
	_, err = r.Seek(0, io.SeekStart)
	return n, err
}

// player hands samples to the writer when they are due.
type player struct {
	w      *ingest.Writer
	timer  *time.Timer
	began  time.Time     // when the time zero of the first pass was
	offset time.Duration // of this pass
}

// maxLate is how far behind the player may fall before it gives up catching up,
// as after a suspend of the machine.
const maxLate = 2 * time.Second

const (
	// minPass is how long a pass takes at least: a file of one picture has no length.
	minPass = 100 * time.Millisecond
	// maxOverlap is by how much the next pass may begin before the end of this one.
	maxOverlap = 100 * time.Millisecond
)

// pass plays the recording once. The next one begins when the track that lasts
// longest can go on without a gap, or nearly so: tracks seldom begin together.
func (p *player) pass(ctx context.Context, rec recording) error {
	tracks := p.w.Tracks()
	first := make([]time.Duration, len(tracks))
	seen := make([]bool, len(tracks))
	length, end := minPass, time.Duration(0)
	for played := false; ; played = true {
		s, err := rec.next()
		switch {
		case err == io.EOF && played:
			p.offset += max(length, end-maxOverlap)
			return nil
		case err == io.EOF:
			return fmt.Errorf("%w: no samples in the file", camgate.ErrNoVideoTrack)
		case err != nil:
			return err
		}
		if err := p.await(ctx, p.offset+s.dts); err != nil {
			return err
		}
		// What cannot be used of a file is left out; the rest plays.
		_ = p.w.Write(ingest.Sample{Track: s.track, PTS: s.pts + tracks[s.track].Ticks(p.offset), AU: s.au})
		if !seen[s.track] {
			seen[s.track], first[s.track] = true, s.dts
		}
		length, end = max(length, s.end-first[s.track]), max(end, s.end)
	}
}

// await blocks until the moment at, counted from the beginning of the first pass.
func (p *player) await(ctx context.Context, at time.Duration) error {
	late := time.Since(p.began) - at
	if late > maxLate {
		p.began = p.began.Add(late)
	}
	if late < 0 {
		p.timer.Reset(-late)
		select {
		case <-p.timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// rescale converts ticks of one clock rate into another one, rounded.
func rescale(ticks int64, from, to int) int64 {
	f, t := int64(from), int64(to)
	whole, rest := ticks/f, ticks%f
	if rest < 0 {
		whole, rest = whole-1, rest+f
	}
	return whole*t + (rest*t+f/2)/f
}

// ticksToTime converts ticks into time.
func ticksToTime(ticks int64, rate int) time.Duration {
	return time.Duration(rescale(ticks, rate, int(time.Second)))
}
