package jpegcam

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/camgate/camgate"
	"github.com/camgate/camgate/ingest/trust"
)

// printer is a printer of the A1 family as far as its protocol is known: it ends the
// connection when the login is not as it wants it.
func printer(t *testing.T, code string, serve func(w io.Writer)) (address string, options Options) {
	t.Helper()
	// The certificate of another server, which is not for this host: as with printers.
	donor := httptest.NewTLSServer(nil)
	donor.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: donor.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answer(conn, code, serve)
		}
	}()
	secure, err := trust.New(trust.Options{Pins: []trust.Pin{sha256.Sum256(donor.Certificate().Raw)}})
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), Options{TLS: secure}
}

func answer(conn net.Conn, code string, serve func(w io.Writer)) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	var login [80]byte
	if _, err := io.ReadFull(conn, login[:]); err != nil {
		return
	}
	want := append([]byte{0x40, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "bblp"...)
	want = append(append(want, make([]byte, 28)...), code...)
	want = append(want, make([]byte, 80-len(want))...)
	if bytes.Equal(login[:], want) {
		serve(conn)
	}
}

// bambuFrame is a picture with its header.
func bambuFrame(b []byte) []byte {
	header := make([]byte, 16)
	binary.LittleEndian.PutUint32(header, uint32(len(b)))
	header[8] = 1
	return append(header, b...)
}

func TestBambu(t *testing.T) {
	list := files(t, 3)
	address, o := printer(t, "12345678", func(w io.Writer) {
		_, _ = w.Write(bambuFrame([]byte("no picture"))) // is left out
		for {
			for _, b := range list {
				if _, err := w.Write(bambuFrame(b)); err != nil {
					return
				}
			}
		}
	})
	for _, login := range []string{"12345678", "bblp:12345678"} {
		s := newSource(t, o, "bambu://"+login+"@"+address)
		got := take(t, s, 6)
		if len(got.units) != 6 || !errors.Is(got.err, context.Canceled) {
			t.Fatalf("%d pictures, %v", len(got.units), got.err)
		}
		grey(t, got.units[0].AU[0])
		if strings.Contains(s.String(), "1234") {
			t.Errorf("the code is shown: %s", s)
		}
	}
	got := take(t, newSource(t, o, "bambu://wr0ng@"+address), 1)
	if !errors.Is(got.err, camgate.ErrAuthFailed) || strings.Contains(got.err.Error(), "wr0ng") {
		t.Errorf("with a wrong code: %v", got.err)
	}
	got = take(t, newSource(t, Options{}, "bambu://12345678@"+address), 1)
	if !errors.Is(got.err, camgate.ErrConnectionFailed) || !strings.Contains(got.err.Error(), "fingerprint") {
		t.Errorf("without a pin: %v", got.err)
	}
}

func TestBambuEnds(t *testing.T) {
	b := file(t, 1)
	for name, tt := range map[string]struct {
		sent []byte
		want error
	}{
		"after a picture":        {bambuFrame(b), camgate.ErrConnectionFailed},
		"in a picture":           {bambuFrame(b)[:100], camgate.ErrConnectionFailed},
		"in a header":            {make([]byte, 5), camgate.ErrConnectionFailed},
		"with something else":    {bytes.Repeat([]byte("HTTP"), 10), camgate.ErrUnsupportedCodec},
		"without a single thing": {nil, camgate.ErrAuthFailed},
	} {
		address, o := printer(t, "c", func(w io.Writer) { _, _ = w.Write(tt.sent) })
		if got := take(t, newSource(t, o, "bambu://c@"+address), 2); !errors.Is(got.err, tt.want) {
			t.Errorf("%s: %v, want %v", name, got.err, tt.want)
		}
	}
	silent, o := printer(t, "c", func(w io.Writer) {
		_, _ = w.Write(bambuFrame(b))
		_, _ = w.(net.Conn).Read(make([]byte, 1)) // until the other side has enough of it
	})
	o.Timeout = 300 * time.Millisecond
	if got := take(t, newSource(t, o, "bambu://c@"+silent), 2); !errors.Is(got.err, camgate.ErrTimeout) {
		t.Errorf("silent: %v", got.err)
	}
}

// FuzzBambu: whatever a printer sends, what comes out is a file, and no header makes
// us ask for memory that its bytes do not fill.
func FuzzBambu(f *testing.F) {
	b := file(f, 1)
	f.Add(append(bambuFrame([]byte("x")), bambuFrame(b)...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bambuReader{r: bytes.NewReader(data), max: 1 << 16}
		for {
			jpeg, err := in.next()
			if err != nil {
				return
			}
			if !bytes.HasPrefix(jpeg, []byte(soi)) || !bytes.Contains(jpeg, []byte(eoi)) {
				t.Fatalf("%.20x ...", jpeg)
			}
		}
	})
}
