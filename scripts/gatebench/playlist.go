package main

import (
	"strconv"
	"strings"
)

// piece is a part of a low-latency playlist, or a whole segment of another.
type piece struct {
	msn, part   int
	uri         string
	independent bool
}

type playlist struct {
	init   string
	block  bool
	target float64
	pieces []piece
	// where the next blocking reload should point
	nextMSN, nextPart int
}

func attrs(s string) map[string]string {
	m := map[string]string{}
	for len(s) > 0 {
		k, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		var v string
		if strings.HasPrefix(rest, `"`) {
			v, rest, _ = strings.Cut(rest[1:], `"`)
			rest = strings.TrimPrefix(rest, ",")
		} else {
			v, rest, _ = strings.Cut(rest, ",")
		}
		m[strings.TrimSpace(k)] = v
		s = rest
	}
	return m
}

func parsePlaylist(s string) playlist {
	p := playlist{target: 2}
	msn, part := 0, 0
	var parts, segs []piece
	for _, line := range strings.Split(s, "\n") {
		line = strings.TrimSpace(line)
		tag, val, _ := strings.Cut(line, ":")
		switch {
		case tag == "#EXT-X-MEDIA-SEQUENCE":
			msn, _ = strconv.Atoi(val)
		case tag == "#EXT-X-TARGETDURATION":
			p.target, _ = strconv.ParseFloat(val, 64)
		case tag == "#EXT-X-SERVER-CONTROL":
			p.block = attrs(val)["CAN-BLOCK-RELOAD"] == "YES"
		case tag == "#EXT-X-MAP":
			p.init = attrs(val)["URI"]
		case tag == "#EXT-X-PART":
			a := attrs(val)
			parts = append(parts, piece{msn, part, a["URI"], a["INDEPENDENT"] == "YES"})
			part++
		case line != "" && line[0] != '#':
			segs = append(segs, piece{msn, 0, line, true})
			msn, part = msn+1, 0
		}
	}
	p.nextMSN, p.nextPart = msn, part
	p.pieces = segs
	if len(parts) > 0 {
		p.pieces = parts
	}
	return p
}
