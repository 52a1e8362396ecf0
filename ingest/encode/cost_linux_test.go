package encode

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/camgate/camgate"
)

// BenchmarkCost is what raw 1280x720 at 30 per second costs to encode, in CPU time of
// all processes, beside ffmpeg alone that reads the same pictures from a file. It takes
// the time that the pictures take.
func BenchmarkCost(b *testing.B) {
	const pictures, clip = 300, 60
	for _, pixels := range []string{"yuyv422", "nv12"} {
		f := Format{Codec: camgate.Raw, Width: 1280, Height: 720, Pixels: pixels, FPS: 30}
		l, err := f.layout()
		if err != nil {
			b.Fatal(err)
		}
		file := filepath.Join(b.TempDir(), "raw")
		run(b, "-v error -f lavfi -i testsrc2=s=1280x720:r=30 -frames:v 60 -pix_fmt "+pixels+" -f rawvideo "+file)
		data, err := os.ReadFile(file)
		if err != nil || len(data) != clip*l.bytes {
			b.Fatal(len(data), err)
		}
		enc := choose(b, f, Settings{Encoder: "libx264"})
		b.Run(pixels+"/camgate", func(b *testing.B) {
			for range b.N {
				before, own, i := spent(), self(), 0
				pace := newPace(b, time.Second/30)
				err := enc.Run(b.Context(), f, Settings{Bitrate: 2e6}, func(context.Context) (Picture, error) {
					if i == pictures {
						return Picture{}, io.EOF
					}
					if err := pace.wait(); err != nil {
						return Picture{}, err
					}
					at := i % clip * l.bytes
					i++
					return Picture{Time: odd(i), AU: [][]byte{data[at : at+l.bytes]}, Release: func() {}}, nil
				}, func(Picture) error { return nil })
				pace.file.Close()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric((spent()-before).Seconds()*1000/(pictures/30), "cpu-ms/s")
				b.ReportMetric((self()-own).Seconds()*1000/(pictures/30), "own-ms/s")
			}
		})
		for name, threads := range map[string]string{"ffmpeg": "-threads 1", "ffmpeg with its own number of threads": ""} {
			b.Run(pixels+"/"+name, func(b *testing.B) {
				for range b.N {
					before := spent()
					run(b, "-v error -nostdin -filter_threads 1 "+threads+" -re -stream_loop -1 -f rawvideo -pixel_format "+pixels+
						" -video_size 1280x720 -framerate 30 -i "+file+" -frames:v 300 -vf format=yuv420p|nv12 -c:v libx264 -preset ultrafast"+
						" -tune zerolatency -profile:v baseline "+threads+" -bf 0 -g 120 -b:v 2M -maxrate 2M -bufsize 2M -f h264 -y /dev/null")
					b.ReportMetric((spent()-before).Seconds()*1000/(pictures/30), "cpu-ms/s")
				}
			})
		}
	}
}

// pace is a file that can be read when a picture is due, as that of a camera.
type pace struct {
	file *os.File
	conn syscall.RawConn
}

func newPace(b *testing.B, interval time.Duration) pace {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	each := unix.NsecToTimespec(interval.Nanoseconds())
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: each, Value: each}, nil); err != nil {
		b.Fatal(err)
	}
	p := pace{file: os.NewFile(uintptr(fd), "timer")}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		b.Fatal(err)
	}
	return p
}

func (p pace) wait() error {
	var count uint64
	return p.conn.Read(func(fd uintptr) bool {
		_, _, errno := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&count)), 8)
		return errno == 0
	})
}

func run(b *testing.B, args string) {
	b.Helper()
	if out, err := exec.CommandContext(b.Context(), "ffmpeg", strings.Fields(args)...).CombinedOutput(); err != nil {
		b.Fatal(err, string(out))
	}
}

// spent is the CPU time of this process and of its children that have ended.
func spent() (d time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err == nil {
		d = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return d + self()
}

func self() (d time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err == nil {
		d = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return d
}
