package rtsp

import (
	"bytes"
	"strconv"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// clocked is AAC whose RTP timestamps tick at another rate than the library takes: with
// spectral band replication (HE-AAC) the library knows the rate of the half that is
// coded as AAC, and the timestamps have that of what is heard, which is twice as much
// (RFC 3640 section 4.1, RFC 6416 section 7.3).
type clocked struct {
	format.Format
	rate int
}

// ClockRate is the one of the timestamps.
func (c *clocked) ClockRate() int { return c.rate }

// plain is a format as the library has it.
func plain(f format.Format) format.Format {
	if c, ok := f.(*clocked); ok {
		return c.Format
	}
	return f
}

// withClock returns a format with the clock rate that its packets have; mapped is that
// of its rtpmap, 0 where there is none.
func withClock(f format.Format, mapped int) format.Format {
	config := configOf(f)
	if config == nil {
		return f
	}
	if rate := rateOf(config, mapped); rate != config.SampleRate {
		return &clocked{f, rate}
	}
	return f
}

// configOf is the configuration of AAC, nil for everything else.
func configOf(f format.Format) *mpeg4audio.AudioSpecificConfig {
	switch f := f.(type) {
	case *format.MPEG4Audio:
		return f.Config
	case *format.MPEG4AudioLATM:
		if isPlain(f) {
			return f.StreamMuxConfig.Programs[0].Layers[0].AudioSpecificConfig
		}
	}
	return nil
}

// rateOf is the rate at which timestamps tick. The rtpmap says it, where that can be:
// it also knows of band replication that the configuration does not mention. Cameras
// write other rates there than they have, too.
func rateOf(c *mpeg4audio.AudioSpecificConfig, mapped int) int {
	switch {
	case c.SampleRate <= 0:
		return c.SampleRate
	case mapped == c.SampleRate, mapped == 2*c.SampleRate, mapped > 0 && mapped == c.ExtensionSampleRate:
		return mapped
	case c.ExtensionSampleRate > 0:
		return c.ExtensionSampleRate
	}
	return c.SampleRate
}

// ticksOf is how long an access unit is, in ticks of the given rate.
func ticksOf(c *mpeg4audio.AudioSpecificConfig, rate int) int64 {
	samples := int64(1024)
	if c.FrameLengthFlag {
		samples = 960
	}
	if c.SampleRate <= 0 {
		return samples
	}
	return samples * int64(rate) / int64(c.SampleRate)
}

// mappedRates are the clock rates of the rtpmaps in an SDP, by media and payload type.
func mappedRates(sdp []byte) []map[uint8]int {
	var rates []map[uint8]int
	for line := range bytes.Lines(sdp) {
		if bytes.HasPrefix(line, []byte("m=")) {
			rates = append(rates, map[uint8]int{})
			continue
		}
		value, ok := bytes.CutPrefix(line, []byte("a=rtpmap:"))
		if !ok || len(rates) == 0 {
			continue
		}
		payload, mapping, _ := bytes.Cut(value, []byte(" "))
		parts := bytes.Split(bytes.TrimSpace(mapping), []byte("/"))
		if len(parts) < 2 {
			continue
		}
		typ, err1 := strconv.ParseUint(string(payload), 10, 7)
		rate, err2 := strconv.ParseUint(string(parts[1]), 10, 31)
		if err1 == nil && err2 == nil {
			rates[len(rates)-1][uint8(typ)] = int(rate)
		}
	}
	return rates
}
