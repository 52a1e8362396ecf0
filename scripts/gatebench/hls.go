package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type hlsClient struct {
	hc        *http.Client
	media     *url.URL
	bytes     atomic.Uint64
	requests  atomic.Uint64
	pieces    atomic.Uint64
	stale     atomic.Uint64
	errors    atomic.Uint64
	partNS    []int64 // fetch time of each piece
	reloadNS  []int64
	mu        sync.Mutex
	buf       []byte
	body      func(t int64, b []byte) // sees each piece
	stopAfter bool                    // end after the first independent piece
	ll        bool
}

func newHLSClient() *hlsClient {
	jar, _ := cookiejar.New(nil)
	return &hlsClient{hc: &http.Client{Jar: jar, Timeout: 15 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 2, DisableCompression: true}}}
}

func (h *hlsClient) get(u *url.URL) ([]byte, *url.URL, error) {
	h.requests.Add(1)
	res, err := h.hc.Get(u.String())
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	h.buf = h.buf[:0]
	for {
		if len(h.buf) == cap(h.buf) {
			h.buf = append(h.buf, 0)[:len(h.buf)]
		}
		n, err := res.Body.Read(h.buf[len(h.buf):cap(h.buf)])
		h.buf = h.buf[:len(h.buf)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
	}
	h.bytes.Add(uint64(len(h.buf)))
	if res.StatusCode != 200 {
		return nil, nil, fmt.Errorf("GET %s: %s", u, res.Status)
	}
	return h.buf, res.Request.URL, nil
}

func (h *hlsClient) open(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return err
	}
	b, at, err := h.get(u)
	if err != nil {
		return err
	}
	h.media = at
	s := string(b)
	if strings.Contains(s, "#EXT-X-STREAM-INF") {
		lines := strings.Split(s, "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, "#EXT-X-STREAM-INF") && i+1 < len(lines) {
				h.media, err = at.Parse(strings.TrimSpace(lines[i+1]))
				return err
			}
		}
	}
	return nil
}

// follow plays until stop closes: newest independent piece first, then all.
func (h *hlsClient) follow(stop <-chan struct{}) error {
	u := *h.media
	lastMSN, lastPart, gotInit := -1, -1, false
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		t0 := now()
		b, at, err := h.get(&u)
		if err != nil {
			h.errors.Add(1)
			return err
		}
		p := parsePlaylist(string(b))
		h.ll = p.block
		h.mu.Lock()
		h.reloadNS = append(h.reloadNS, now()-t0)
		h.mu.Unlock()
		if !gotInit && p.init != "" {
			iu, err := at.Parse(p.init)
			if err != nil {
				return err
			}
			if _, _, err = h.get(iu); err != nil {
				h.errors.Add(1)
				return err
			}
			gotInit = true
		}
		if lastMSN < 0 {
			for i := len(p.pieces) - 1; i >= 0; i-- {
				if p.pieces[i].independent {
					lastMSN, lastPart = p.pieces[i].msn, p.pieces[i].part-1
					break
				}
			}
		}
		fresh := 0
		for _, x := range p.pieces {
			if lastMSN < 0 || x.msn < lastMSN || x.msn == lastMSN && x.part <= lastPart {
				continue
			}
			pu, err := at.Parse(x.uri)
			if err != nil {
				return err
			}
			t1 := now()
			body, _, err := h.get(pu)
			t2 := now()
			lastMSN, lastPart = x.msn, x.part
			if err != nil {
				h.errors.Add(1)
				continue
			}
			fresh++
			h.pieces.Add(1)
			h.mu.Lock()
			h.partNS = append(h.partNS, t2-t1)
			h.mu.Unlock()
			if h.body != nil {
				h.body(t2, body)
			}
			if h.stopAfter {
				return nil
			}
		}
		u = *at
		q := u.Query()
		if p.block {
			q.Set("_HLS_msn", strconv.Itoa(p.nextMSN))
			q.Set("_HLS_part", strconv.Itoa(p.nextPart))
			u.RawQuery = q.Encode()
			if fresh == 0 {
				h.stale.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
			continue
		}
		wait := 200 * time.Millisecond
		if fresh > 0 {
			wait = time.Duration(p.target * float64(time.Second) / 2)
		}
		select {
		case <-stop:
			return nil
		case <-time.After(wait):
		}
	}
}

func cmdHLS(args []string) error {
	fs := flag.NewFlagSet("hls", flag.ExitOnError)
	var c common
	c.flags(fs)
	_ = fs.Parse(args)
	m, err := newMeter(c.pid)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	hs := make([]*hlsClient, c.n)
	var failed atomic.Int64
	for i := range hs {
		h := newHLSClient()
		hs[i] = h
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer h.hc.CloseIdleConnections()
			err := h.open(c.url)
			if err == nil {
				err = h.follow(stop)
			}
			if err != nil {
				select {
				case <-stop:
				default:
					if failed.Add(1) <= 3 {
						fmt.Fprintln(os.Stderr, "hls:", err)
					}
				}
			}
		}()
		time.Sleep(c.ramp)
	}
	time.Sleep(c.warm)
	sum := func() (b, q, p, s uint64) {
		for _, h := range hs {
			b, q, p, s = b+h.bytes.Load(), q+h.requests.Load(), p+h.pieces.Load(), s+h.stale.Load()
		}
		return
	}
	for _, h := range hs {
		h.mu.Lock()
		h.partNS, h.reloadNS = nil, nil
		h.mu.Unlock()
	}
	b0, q0, p0, s0 := sum()
	m.start()
	time.Sleep(c.dur)
	b1, q1, p1, s1 := sum()
	rep := report{"test": "hls", "failed": failed.Load(), "low_latency": hs[0].ll, "bytes": b1 - b0,
		"requests_per_s": round(float64(q1-q0)/c.dur.Seconds(), 1), "pieces_per_reader_s": round(float64(p1-p0)/c.dur.Seconds()/float64(c.n), 2),
		"stale_reloads": s1 - s0, "mbit_per_reader": round(float64(b1-b0)*8/c.dur.Seconds()/float64(c.n)/1e6, 3)}
	m.stop(rep, c.n, b1-b0)
	var part, reload []int64
	for _, h := range hs {
		h.mu.Lock()
		part, reload = append(part, h.partNS...), append(reload, h.reloadNS...)
		h.mu.Unlock()
	}
	quantiles(rep, "piece_fetch", part)
	quantiles(rep, "playlist_wait", reload)
	rep.print()
	close(stop)
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
	}
	return nil
}
