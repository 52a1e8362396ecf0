package rtsp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func framerOf(r io.Reader, channels ...byte) (*framer, *[]string) {
	var taken []string
	f := &framer{in: &streamBuf{r: r}}
	f.wait = f.in.more
	m := &media{frame: map[byte]func([]byte) bool{}}
	for _, ch := range channels {
		m.frame[ch] = func(b []byte) bool { taken = append(taken, string(b)); return true }
	}
	f.media.Store(m)
	return f, &taken
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(b []byte) (int, error) { return r(b) }

func TestFramerTakesOnlyMedia(t *testing.T) {
	request := "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	withBody := "SET_PARAMETER rtsp://h/ RTSP/1.0\r\ncontent-length : 6\r\n\r\n$\x00\x00\x01ab"
	media := "$\x00\x00\x03abc"
	rtcp := "$\x01\x00\x02xy"
	for _, c := range []struct {
		name, in, library string
		taken             []string
	}{
		{"a request", request, request, nil},
		{"media", media + media, "", []string{"abc", "abc"}},
		{"RTCP is the library's", media + rtcp + media, rtcp, []string{"abc", "abc"}},
		{"a request between", media + request + media, request, []string{"abc", "abc"}},
		{"what looks like media in a body", withBody + media, withBody, []string{"abc"}},
		{"garbage", "\r\n\x00" + media, "\r\n\x00", []string{"abc"}},
		{"empty media", "$\x00\x00\x00" + request, request, []string{""}},
		{"the largest", "$\x00\xff\xff" + string(make([]byte, 65535)) + media, "", []string{string(make([]byte, 65535)), "abc"}},
		{"half a request", "OPTIONS * RT", "OPTIONS * RT", nil},
		{"less than a head", media + "$\x00", "$\x00", []string{"abc"}},
		{"a response", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" + media, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", []string{"abc"}},
		{"a header without end", string(bytes.Repeat([]byte("A"), maxHeader)) + media, string(bytes.Repeat([]byte("A"), maxHeader)), []string{"abc"}},
	} {
		for _, cut := range []struct {
			name string
			r    func(io.Reader) io.Reader
		}{{"at once", func(r io.Reader) io.Reader { return r }}, {"byte by byte", iotest.OneByteReader}} {
			if c.name == "a header without end" && cut.name == "byte by byte" {
				continue // a header is looked through anew with each piece
			}
			t.Run(c.name+" "+cut.name, func(t *testing.T) {
				f, taken := framerOf(cut.r(bytes.NewReader([]byte(c.in))), 0)
				got, err := io.ReadAll(readerFunc(f.read))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.library, string(got)); diff != "" {
					t.Errorf("for the library: %s", diff)
				}
				if diff := cmp.Diff(c.taken, *taken); diff != "" {
					t.Errorf("media: %s", diff)
				}
			})
		}
	}
}

// Of a camera, media before they are welcome are left out; then those that are ours are
// taken, unless they are to go on to the library. Bytes between them hide nothing, even
// where they look like the beginning of something, and are left out: the library would
// take some for a message.
func TestFramerOfACamera(t *testing.T) {
	const (
		response = "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
		request  = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
		media    = "$\x00\x00\x03\x80bc"
		other    = "$\x00\x00\x03\x80li"
		rtcp     = "$\x01\x00\x02\x80y"
		foreign  = "$\x07\x00\x04$\x00\x00\x01" // of a channel that nobody asked for
	)
	for _, c := range []struct {
		name, in, library string
		taken             int
	}{
		{"media and messages", media + other + rtcp + response + media + request, other + rtcp + response + request, 2},
		{"another channel", media + foreign + media, foreign, 2},
		{"bytes like those of messages", "R\x00AT" + media + "REQ" + other + rtcp + response + "OP" + media, other + rtcp + response, 2},
		{"a word", "ABCDEFGH" + media + response, response, 1},
		{"bytes like those of a frame", "\x00$\x00\xff\xff\x00" + media + "\x00$$\x05\xff\xff" + media + response, response, 2},
		{"zeros", string(make([]byte, 3000)) + media, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			early := media + rtcp + "\r\n" + response
			f, _ := framerOf(iotest.HalfReader(strings.NewReader(early+c.in)), 0)
			var welcome atomic.Bool
			taken := 0
			f.welcome = &welcome
			f.media.Load().frame[0] = func(b []byte) bool {
				if string(b) == other[4:] {
					return false
				}
				taken++
				return string(b) == media[4:]
			}
			first := make([]byte, len(response))
			if _, err := io.ReadFull(readerFunc(f.read), first); err != nil || string(first) != response {
				t.Fatalf("before media are welcome: %q, %v", first, err)
			}
			welcome.Store(true)
			got, err := io.ReadAll(readerFunc(f.read))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.library, string(got)); diff != "" {
				t.Errorf("for the library: %s", diff)
			}
			if taken != c.taken {
				t.Errorf("%d media, want %d", taken, c.taken)
			}
		})
	}
}

func TestFramerRefusesTunnels(t *testing.T) {
	for _, start := range []string{"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n"} {
		f, _ := framerOf(bytes.NewReader([]byte(start)))
		if _, err := f.read(make([]byte, 10)); !errors.Is(err, errTunnel) {
			t.Errorf("%q: %v", start, err)
		}
	}
}

// A socket is read like anything else.
func TestSocketBuf(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want := bytes.Repeat([]byte("$\x00\x10\x00"+string(make([]byte, 4096))+"OPTIONS * RTSP/1.0\r\n\r\n"), 100)
	sent := make(chan error, 1)
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_, err = c.Write(want)
			c.Close()
		}
		sent <- err
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var pool inbufPool
	f := &framer{in: newInbuf(c, &pool)}
	f.wait = f.in.more
	got, err := io.ReadAll(readerFunc(f.read))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if len(f.in.unread()) != 0 {
		t.Error("something is left")
	}
	_ = c.SetReadDeadline(time.Unix(1, 0))
	if err := f.in.more(); err == nil {
		t.Error("reading after the end succeeded")
	}
}

// Whatever a peer sends, the library gets all that is not media, in its order.
func FuzzFramer(f *testing.F) {
	f.Add([]byte("OPTIONS * RTSP/1.0\r\nContent-Length: 3\r\n\r\nabc$\x00\x00\x02ab$\x01\x00\x01z"), 3)
	f.Add([]byte("$\x00\xff\xffab"), 1)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		if bytes.HasPrefix(in, []byte("GET ")) || bytes.HasPrefix(in, []byte("POST")) {
			return
		}
		r := bytes.NewReader(in)
		none, _ := framerOf(readerFunc(func(b []byte) (int, error) { return r.Read(b[:min(len(b), max(step, 1))]) }))
		got, err := io.ReadAll(readerFunc(none.read))
		if err != nil || !bytes.Equal(got, in) {
			t.Fatalf("without media: %q became %q, %v", in, got, err)
		}
		some, taken := framerOf(bytes.NewReader(in), 0)
		got, _ = io.ReadAll(readerFunc(some.read))
		size := len(got)
		for _, s := range *taken {
			size += 4 + len(s)
		}
		if size > len(in) {
			t.Fatalf("%d bytes came out of %d", size, len(in))
		}
	})
}

// What a camera sends before we asked for it is left out; later all messages are the library's.
func TestFramerOfCamera(t *testing.T) {
	response := "RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n$\x00\x00\x01a"
	media := "$\x00\x00\x03abc"
	var welcome atomic.Bool
	f, _ := framerOf(strings.NewReader(media+response+media+response+media+"HTTPTEARDOWN"), 9)
	f.welcome = &welcome
	b := make([]byte, 200)
	n, err := f.read(b)
	if got := string(b[:n]); err != nil || got != response {
		t.Fatalf("%q, %v", got, err)
	}
	if n, err = f.read(b); err != nil || string(b[:n]) != response {
		t.Fatalf("%q, %v", b[:n], err)
	}
	welcome.Store(true)
	got, err := io.ReadAll(readerFunc(f.read))
	if want := media + "TEARDOWN"; err != nil || string(got) != want {
		t.Errorf("%q, want %q, %v", got, want, err)
	}
}
