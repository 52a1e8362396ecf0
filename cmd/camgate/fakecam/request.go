package fakecam

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of a request.
const (
	maxLine    = 8 << 10
	maxHeaders = 64
	maxBody    = 64 << 10
)

// request is an RTSP request (RFC 2326, 6).
type request struct {
	method, url string
	header      map[string]string // keys in lower case
}

// readRequest reads one from a client.
func readRequest(r *bufio.Reader) (*request, error) {
	line, err := readLine(r)
	for err == nil && line == "" {
		line, err = readLine(r)
	}
	if err != nil {
		return nil, err
	}
	words := strings.Fields(line)
	if len(words) != 3 || !strings.HasPrefix(words[2], "RTSP/") {
		return nil, fmt.Errorf("no RTSP request: %.40q", line)
	}
	req := &request{method: words[0], url: words[1], header: map[string]string{}}
	for {
		if line, err = readLine(r); err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok || len(req.header) >= maxHeaders {
			return nil, errors.New("the headers of a request are broken or too many")
		}
		req.header[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	if length := req.header["content-length"]; length != "" {
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n > maxBody {
			return nil, fmt.Errorf("content length %q", length)
		}
		if _, err := r.Discard(n); err != nil {
			return nil, err
		}
	}
	return req, nil
}

func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return "", errors.New("a line of a request is too long")
		}
		if err == nil {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
	}
}

// pathOf returns the path of a URL, without a query.
func pathOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		rest = url
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		rest = rest[slash:]
	} else {
		rest = "/"
	}
	rest, _, _ = strings.Cut(rest, "?")
	return strings.TrimSuffix(rest, "/")
}

// response is an RTSP response; its headers keep their order.
type response struct {
	status  int
	headers [][2]string
	body    string
}

func (r *response) add(key, value string) { r.headers = append(r.headers, [2]string{key, value}) }

// bytes writes it in answer to a request.
func (r *response) bytes(req *request) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "RTSP/1.0 %d %s\r\nCSeq: %s\r\nServer: fakecam\r\n", r.status, reasons[r.status], req.header["cseq"])
	for _, h := range r.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if r.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	b.WriteString(r.body)
	return []byte(b.String())
}

// reasons are those of RFC 2326, 7.1.1.
var reasons = map[int]string{
	200: "OK", 302: "Moved Temporarily", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
	405: "Method Not Allowed", 453: "Not Enough Bandwidth", 454: "Session Not Found",
	455: "Method Not Valid in This State", 461: "Unsupported Transport", 501: "Not Implemented",
	503: "Service Unavailable", 551: "Option not supported",
}
