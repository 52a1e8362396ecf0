package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"
)

type dest struct {
	fd  int // TCP socket
	sa  unix.RawSockaddrInet4
	ctx *srtp.Context
	enc []byte
}

func cmdFloor(args []string) error {
	fs := flag.NewFlagSet("floor", flag.ExitOnError)
	mode := fs.String("mode", "tcp-frame", "tcp-packet | tcp-frame | tcp-writev | udp-packet | udp-mmsg | udp-gso | srtp-packet | srtp-mmsg | srtp-gso")
	n := fs.Int("n", 100, "readers")
	file := fs.String("clip", "", "Annex B H264 file")
	dur := fs.Duration("t", 10*time.Second, "window")
	group := fs.Int("frames", 1, "frames sent together (more is cheaper and later)")
	_ = fs.Parse(args)
	c, err := loadClip(*file, false)
	if err != nil {
		return err
	}
	udp := !strings.HasPrefix(*mode, "tcp")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(self, "sink", "-n", strconv.Itoa(*n), "-udp="+strconv.FormatBool(udp))
	child.Stderr = os.Stderr
	in, _ := child.StdinPipe()
	out, _ := child.StdoutPipe()
	if err = child.Start(); err != nil {
		return err
	}
	defer func() {
		in.Close()
		_ = child.Wait() // what it has measured it has said
	}()
	rd := bufio.NewReader(out)
	line, err := rd.ReadString('\n')
	if err != nil {
		return err
	}
	ports := strings.Fields(line)
	ds := make([]dest, *n)
	us := -1
	if udp {
		if us, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(us, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20)
		_ = unix.Bind(us, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	for i := range ds {
		if udp {
			p, _ := strconv.Atoi(ports[i])
			ds[i].sa = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: uint16(p)<<8 | uint16(p)>>8, Addr: [4]byte{127, 0, 0, 1}}
			if strings.HasPrefix(*mode, "srtp") {
				if ds[i].ctx, err = srtpContext(srtp.ProtectionProfileAeadAes128Gcm, byte(i)); err != nil {
					return err
				}
			}
			continue
		}
		p, _ := strconv.Atoi(ports[0])
		if ds[i].fd, err = tcpDial("127.0.0.1", p); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(ds[i].fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20)
	}
	runtime.LockOSThread()
	p := &player{c: c, ssrc: 1}
	s := &sender{mode: *mode, fd: us}
	begin := time.Now()
	var u0 unix.Rusage
	var bytes uint64
	var at0 time.Time
	measured := false
	step := time.Second / fps * time.Duration(*group)
	for k := 0; ; k++ {
		el := time.Since(begin)
		if !measured && el > time.Second {
			measured = true
			_, _ = in.Write([]byte("reset\n"))
			_ = unix.Getrusage(unix.RUSAGE_SELF, &u0)
			bytes, at0, s.calls = 0, time.Now(), 0
		}
		if measured && time.Since(at0) >= *dur {
			break
		}
		var f frame
		for range *group {
			g := p.next()
			for _, o := range g.at {
				f.at = append(f.at, o+len(f.wire))
			}
			f.wire = append(f.wire, g.wire...)
		}
		for i := range ds {
			if err = s.send(&ds[i], &f); err != nil {
				return fmt.Errorf("reader %d: %w", i, err)
			}
		}
		bytes += uint64(len(f.wire)-4*len(f.at)) * uint64(*n)
		time.Sleep(time.Until(begin.Add(time.Duration(k+1) * step)))
	}
	var u1 unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u1)
	sec := time.Since(at0).Seconds()
	in.Close()
	user := float64(u1.Utime.Nano()-u0.Utime.Nano()) / 1e9
	sys := float64(u1.Stime.Nano()-u0.Stime.Nano()) / 1e9
	rep := report{"test": "floor-" + *mode, "readers": *n, "frames_together": *group, "seconds": round(sec, 3), "bytes_sent": bytes,
		"server_cpu_cores": round((user+sys)/sec, 4), "server_sys_cores": round(sys/sec, 4), "server_cpu_ms_per_reader_s": round(1e3*(user+sys)/sec/float64(*n), 4),
		"server_cpu_s_per_gb": round((user+sys)/(float64(bytes)/1e9), 4), "syscalls_per_reader_s": round(float64(s.calls)/sec/float64(*n), 1)}
	var got report
	if line, err = rd.ReadString('\n'); err == nil && json.Unmarshal([]byte(line), &got) == nil {
		rep["client_cpu_cores"] = round(got["sink_cpu_s"].(float64)/sec, 4)
		rep["packets"], rep["lost"], rep["bytes"] = got["packets"], got["lost"], got["bytes"]
	}
	rep.print()
	return nil
}

type sender struct {
	mode  string
	fd    int
	calls int
	msgs  [1024]mmsghdr
	iovs  [1024]unix.Iovec
	cmsg  [24]byte
}

func (s *sender) send(d *dest, f *frame) error {
	pkts := func(fn func(h, p []byte) error) error { // with and without the 4-byte frame header
		for i, o := range f.at {
			e := len(f.wire)
			if i+1 < len(f.at) {
				e = f.at[i+1]
			}
			if err := fn(f.wire[o:e], f.wire[o+4:e]); err != nil {
				return err
			}
		}
		return nil
	}
	switch s.mode {
	case "tcp-packet":
		return pkts(func(h, _ []byte) error { s.calls++; return writeFull(d.fd, h) })
	case "tcp-frame":
		s.calls++
		return writeFull(d.fd, f.wire)
	case "tcp-writev":
		n, total := 0, 0
		_ = pkts(func(h, _ []byte) error {
			s.iovs[n] = unix.Iovec{Base: &h[0], Len: uint64(len(h))}
			n++
			total += len(h)
			return nil
		})
		s.calls++
		w, _, e := unix.Syscall(unix.SYS_WRITEV, uintptr(d.fd), uintptr(unsafe.Pointer(&s.iovs[0])), uintptr(n))
		if e != 0 {
			return e
		}
		if int(w) < total {
			return writeFull(d.fd, f.wire[w:])
		}
		return nil
	}
	// UDP: gather the packets, encrypted for this reader or shared
	var list [1024][]byte
	n := 0
	if d.ctx != nil {
		d.enc = d.enc[:0]
		if cap(d.enc) < len(f.wire)+20*len(f.at) {
			d.enc = make([]byte, 0, len(f.wire)*2+20*len(f.at))
		}
	}
	err := pkts(func(_, p []byte) error {
		if d.ctx != nil {
			o := len(d.enc)
			out, err := d.ctx.EncryptRTP(d.enc[o:o:cap(d.enc)], p, nil)
			if err != nil {
				return err
			}
			d.enc = d.enc[:o+len(out)]
			p = d.enc[o:]
		}
		list[n] = p
		n++
		return nil
	})
	if err != nil {
		return err
	}
	switch _, how, _ := strings.Cut(s.mode, "-"); how {
	case "packet":
		for _, p := range list[:n] {
			s.calls++
			_, _, e := unix.Syscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0, uintptr(unsafe.Pointer(&d.sa)), unix.SizeofSockaddrInet4)
			if e != 0 {
				return e
			}
		}
	case "mmsg":
		for i, p := range list[:n] {
			s.iovs[i] = unix.Iovec{Base: &p[0], Len: uint64(len(p))}
			s.msgs[i].hdr = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&d.sa)), Namelen: unix.SizeofSockaddrInet4, Iov: &s.iovs[i], Iovlen: 1}
		}
		for o := 0; o < n; {
			s.calls++
			k, _, e := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.msgs[o])), uintptr(n-o), 0, 0, 0)
			if e != 0 {
				return e
			}
			o += int(k)
		}
	case "gso":
		for o := 0; o < n; { // runs of equal packets, the last may be shorter
			k, size := 1, len(list[o])
			for o+k < n && k < 44 && len(list[o+k]) <= size && len(list[o+k-1]) == size {
				k++
			}
			for i := range k {
				s.iovs[i] = unix.Iovec{Base: &list[o+i][0], Len: uint64(len(list[o+i]))}
			}
			h := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&d.sa)), Namelen: unix.SizeofSockaddrInet4, Iov: &s.iovs[0], Iovlen: uint64(k)}
			if k > 1 {
				binary.LittleEndian.PutUint64(s.cmsg[0:], 18)
				binary.LittleEndian.PutUint32(s.cmsg[8:], unix.SOL_UDP)
				binary.LittleEndian.PutUint32(s.cmsg[12:], unix.UDP_SEGMENT)
				binary.LittleEndian.PutUint16(s.cmsg[16:], uint16(size))
				h.Control, h.Controllen = &s.cmsg[0], 24
			}
			s.calls++
			if _, _, e := unix.Syscall(unix.SYS_SENDMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&h)), 0); e != 0 {
				return e
			}
			o += k
		}
	default:
		return errors.New("unknown mode " + s.mode)
	}
	return nil
}
