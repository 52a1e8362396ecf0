package rtsp

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
)

// sdpHead stands for all that a description says before its media and nobody needs:
// origin, time, bandwidth, addresses. Cameras get each of them wrong.
const sdpHead = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=%s\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"

// maxSDP bounds a description in bytes.
const maxSDP = 64 << 10

// repairSDP makes of a camera's SDP one that the library reads: it leaves out what
// is of no use, corrects what can only be meant in one way, and drops a media that
// nobody can make sense of rather than all of them. It returns what was done, in
// words. A text that is read as it is stays as it is.
func repairSDP(body []byte) (fixed []byte, repairs []string) {
	if len(body) > maxSDP || readable(string(body)) == nil {
		return body, nil
	}
	head, media := splitSDP(string(body))
	out := sessionPart(head)
	kept := 0
	for i, section := range media {
		text := mediaPart(section)
		if err := readable(out + text); err != nil {
			repairs = append(repairs, fmt.Sprintf("media %d left out (%v)", i+1, err))
			continue
		}
		kept++
		media[kept-1] = []string{text}
	}
	if kept == 0 {
		return body, nil // the library says best what is wrong
	}
	if repairs == nil {
		repairs = []string{"SDP"}
	}
	for _, section := range media[:kept] {
		out += section[0]
	}
	return []byte(out), repairs
}

// readable returns why the library does not read an SDP.
func readable(text string) error {
	if session, _, _ := strings.Cut(text, "\nm="); strings.Contains(session, "a=control:") && !absoluteControl(session) {
		return fmt.Errorf("relative control attribute of the session")
	}
	ssd, err := sdpunmarshaler.Unmarshal([]byte(text))
	if err != nil {
		return err
	}
	return new(description.Session).Unmarshal2(ssd)
}

// absoluteControl reports whether the session's control attribute is one that the
// library takes: an aggregate URL, or the asterisk.
func absoluteControl(session string) bool {
	_, value, _ := strings.Cut(session, "a=control:")
	value, _, _ = strings.Cut(value, "\n")
	value = strings.TrimSpace(value)
	return value == "*" || strings.HasPrefix(value, "rtsp://") || strings.HasPrefix(value, "rtsps://")
}

// splitSDP takes a description apart: lines of the session, and lines of each media,
// without those that are none.
func splitSDP(text string) (head []string, media [][]string) {
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' || r == 0 }) {
		line = strings.TrimSpace(line)
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		switch line = strings.ToLower(line[:1]) + line[1:]; {
		case line[0] == 'm':
			media = append(media, []string{line})
		case len(media) == 0:
			head = append(head, line)
		default:
			media[len(media)-1] = append(media[len(media)-1], line)
		}
	}
	return head, media
}

func sessionPart(lines []string) string {
	name, attributes := " ", ""
	for _, line := range lines {
		key, _, _ := strings.Cut(line, ":")
		switch {
		case line[0] == 's' && len(line) > 2:
			name = line[2:]
		case line[0] != 'a', key == "a=mid", key == "a=group":
		case key == "a=control" && !absoluteControl(line):
		default:
			attributes += line + "\r\n"
		}
	}
	return fmt.Sprintf(sdpHead, name) + attributes
}

// mediaPart writes the lines of a media as the library reads them.
func mediaPart(lines []string) string {
	var attributes []string
	var mapped []string // payload types that have a mapping
	for _, line := range lines[1:] {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key = strings.ToLower(key); key {
		case "a=rtpmap":
			if value = fixedMap(value, lines[0]); value == "" {
				continue
			}
			mapped = append(mapped, strings.Fields(value)[0])
			attributes = append(attributes, key+":"+value)
		case "a=fmtp":
			attributes = append(attributes, key+":"+fixedFMTP(value))
		case "a=mid", "a=group":
		case "a=key-mgmt":
			if strings.HasPrefix(value, "mikey ") {
				attributes = append(attributes, key+":"+value)
			}
		default:
			if line[0] == 'a' {
				attributes = append(attributes, line)
			}
		}
	}
	return fixedMedia(lines[0], mapped) + "\r\n" + strings.Join(append(attributes, ""), "\r\n")
}

// fixedMedia writes a media line: the kind, a port, the profile, payload types.
func fixedMedia(line string, mapped []string) string {
	fields := strings.Fields(line[2:])
	kind, profile := "application", "RTP/AVP"
	var types []string
	for i, f := range fields {
		switch n, err := strconv.ParseUint(f, 10, 7); {
		case i == 0:
			kind = strings.ToLower(f)
		case strings.Contains(strings.ToUpper(f), "SAVP"):
			profile = "RTP/SAVP"
		case i >= 2 && err == nil && !strings.Contains(f, "/"):
			types = append(types, strconv.FormatUint(n, 10))
		}
	}
	if len(types) == 0 {
		types = mapped
	}
	if kind != "video" && kind != "audio" {
		kind = "application"
	}
	return "m=" + kind + " 0 " + profile + " " + strings.Join(types, " ")
}

// fixedMap writes the value of an rtpmap; empty: it says nothing.
func fixedMap(value, media string) string {
	payload, mapping, _ := strings.Cut(value, " ")
	mapping = strings.ReplaceAll(strings.TrimSpace(mapping), " ", "")
	name, rest, _ := strings.Cut(strings.TrimRight(mapping, "/"), "/")
	if name == "" {
		return ""
	}
	switch strings.ToUpper(name) {
	case "HEVC", "H.265":
		name = "H265"
	case "AVC", "H.264":
		name = "H264"
	}
	rate, channels, _ := strings.Cut(rest, "/")
	if n, err := strconv.ParseUint(rate, 10, 31); err != nil || n == 0 {
		if !strings.HasPrefix(media, "m=video") {
			return ""
		}
		rate = "90000"
	}
	switch strings.ToUpper(name) {
	case "H264", "H265":
		rate, channels = "90000", "" // there is no other
	}
	if channels != "" {
		rate += "/" + channels
	}
	return payload + " " + name + "/" + rate
}

// fixedFMTP leaves parameters out that say nothing: parameter sets that are no
// base64, numbers that are none. The pictures bring their own.
func fixedFMTP(value string) string {
	payload, params, _ := strings.Cut(value, " ")
	var out []string
	for param := range strings.SplitSeq(params, ";") {
		param = strings.TrimSpace(param)
		key, value, _ := strings.Cut(param, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch key = strings.ToLower(strings.TrimSpace(key)); key {
		case "":
			continue
		case "sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps":
			sets := strings.Split(strings.TrimRight(value, ","), ",")
			valid := true
			for i, set := range sets {
				// Some leave the padding out.
				sets[i] = strings.TrimRight(strings.TrimSpace(set), "=")
				sets[i] += strings.Repeat("=", (4-len(sets[i])%4)%4)
				_, err := base64.StdEncoding.DecodeString(sets[i])
				valid = valid && err == nil && set != ""
			}
			if !valid {
				continue
			}
			value = strings.Join(sets, ",")
		case "packetization-mode", "sprop-max-don-diff", "sizelength", "indexlength", "indexdeltalength":
			if _, err := strconv.ParseUint(value, 10, 31); err != nil {
				continue
			}
		}
		out = append(out, key+"="+value)
	}
	return payload + " " + strings.Join(out, "; ")
}
