package sound

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/egress/child"
	"github.com/camgate/camgate/egress/matroska"
)

// outside decodes what camgate cannot by a program. It gets the units with their times,
// and gives samples without a hole: their number is their time.
type outside struct {
	path     string
	format   matroska.Format
	strip    func(payloads [][]byte) [][]byte // what RTP adds; nil: nothing
	hz, n    int
	cancel   context.CancelFunc
	running  sync.WaitGroup
	begun    bool
	process  *child.Process
	writer   *matroska.Writer
	base     time.Duration // of the first sample
	last     time.Duration // of the newest unit
	taken    int64         // samples since base
	mu       sync.Mutex
	buf      []byte // samples not yet taken
	err      error  // why it ended
	ended    bool
	leftover []byte
}

const (
	// maxBehind is how far the program may be behind before it is begun anew.
	maxBehind = 3 * time.Second
	// maxBuffered is how much it may be ahead of us, in bytes.
	maxBuffered = 4 << 20
	writeTime   = time.Second
	nominal     = 48000
	matroskaMP3 = "A_MPEG/L3"
)

// newOutside makes the decoder for a track of a codec that camgate does not decode.
func newOutside(t *camgate.Track, ffmpeg string, rate, channels int) (*outside, error) {
	d := &outside{hz: rate, n: channels, format: matroska.Format{
		Codec: t.Codec, Rate: t.ClockRate, Channels: max(1, t.Channels), Tick: time.Microsecond,
	}}
	switch t.Codec {
	case camgate.AAC:
		d.format.Private = t.Params().Config
	case camgate.Opus: // its decoder would be half a megabyte for what no output needs yet
		d.format.Codec, d.format.Channels = "A_OPUS", min(d.format.Channels, 2)
		// RFC 7845 section 5.1, without pre-skip: the times are those of the packets.
		d.format.Private = append([]byte("OpusHead\x01"), byte(d.format.Channels), 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
	case camgate.AC3:
		d.strip = stripAC3
	case "MPA":
		d.format.Codec, d.format.Rate = matroskaMP3, nominal
		d.strip = (&mpeg{}).strip
	default:
		return nil, unable(t)
	}
	if ffmpeg == "" {
		ffmpeg = "ffmpeg"
	}
	path, err := child.Find(ffmpeg)
	if err != nil {
		return nil, fmt.Errorf("%w: %s, which %s needs: %w", camgate.ErrNotInstalled, ffmpeg, t.Codec, err)
	}
	d.path = path
	return d, nil
}

// args are the program's. It follows the timestamps, so that what is missing is silence.
func (d *outside) args() []string {
	return []string{
		"-hide_banner", "-nostdin", "-loglevel", "error",
		"-threads", "1", "-fflags", "+nobuffer", "-analyzeduration", "0", "-probesize", "32",
		"-f", "matroska", "-i", "pipe:0", "-vn",
		"-af", "aresample=async=200:min_hard_comp=0.02:first_pts=0",
		"-ac", strconv.Itoa(d.n), "-ar", strconv.Itoa(d.hz), "-f", "s16le", "-flush_packets", "1", "pipe:1",
	}
}

// start starts the program for units from that time on.
func (d *outside) start(at time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.begun, d.base, d.taken = cancel, true, at, 0
	d.ended, d.err, d.buf, d.leftover = false, nil, nil, nil
	started := make(chan *child.Process, 1)
	d.running.Go(func() {
		defer close(started)
		err := child.Run(ctx, child.Command{Path: d.path, Args: d.args()}, func(p *child.Process) error {
			started <- p
			d.read(p.Stdout)
			return nil
		})
		d.mu.Lock()
		d.ended, d.err = true, err
		d.mu.Unlock()
	})
	p, ok := <-started
	if !ok {
		return d.failure()
	}
	d.process = p
	var err error
	d.writer, err = matroska.NewWriter(p.Stdin, d.format)
	return err
}

// read keeps what the program makes until it ends.
func (d *outside) read(from *os.File) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		d.mu.Lock()
		if len(d.buf)+n <= maxBuffered {
			d.buf = append(d.buf, b[:n]...)
		}
		d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// failure is why the program ended.
func (d *outside) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return fmt.Errorf("%w: %w", camgate.ErrDecoder, d.err)
	}
	return fmt.Errorf("%w: the program has ended", camgate.ErrDecoder)
}

// close ends the program and waits for its end.
func (d *outside) close() {
	if d.begun {
		d.cancel()
		d.running.Wait()
		d.begun = false
	}
}

// write hands it a unit.
func (d *outside) write(at time.Duration, au [][]byte) error {
	if d.strip != nil {
		if au = d.strip(au); len(au) == 0 {
			return nil
		}
	}
	if d.begun {
		heard := d.base + d.length(d.taken)
		if at < d.last || at > d.last+seconds(jumpAhead) || at > heard+maxBehind && d.taken > 0 {
			d.close() // a jump, or too far behind
		}
	}
	if !d.begun {
		if err := d.start(at); err != nil {
			return err
		}
	}
	d.last = at
	_ = d.process.Stdin.SetWriteDeadline(time.Now().Add(writeTime))
	if err := d.writer.Picture(au, true, uint64((at-d.base)/time.Microsecond)); err != nil {
		d.close()
		return d.failure()
	}
	return nil
}

// take moves what there is to p, and returns the time of its first sample.
func (d *outside) take(p *planes) (time.Duration, error) {
	d.mu.Lock()
	got, ended := d.buf, d.ended
	d.buf = nil
	d.mu.Unlock()
	if ended && len(got) == 0 {
		return 0, d.failure()
	}
	got = append(d.leftover, got...)
	whole := len(got) / (2 * d.n) * 2 * d.n
	d.leftover = append([]byte(nil), got[whole:]...)
	for i := 0; i < whole; i += 2 {
		c := i / 2 % d.n
		p.of[c] = append(p.of[c], float32(int16(binary.LittleEndian.Uint16(got[i:])))/32768)
	}
	at := d.base + d.length(d.taken)
	d.taken += int64(p.len())
	return at, nil
}

func (d *outside) length(samples int64) time.Duration {
	rate := int64(d.hz)
	return time.Duration(samples/rate)*time.Second + time.Duration(samples%rate)*time.Second/time.Duration(rate)
}
