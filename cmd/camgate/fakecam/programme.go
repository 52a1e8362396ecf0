package fakecam

// programme is what one session can get: the clips as the faults make them.
type programme struct {
	tracks []*media
	// second is what takes the place of the pictures with sps-change.
	second *media
	// whole tells that NAL units are not cut: packetization-mode 0.
	whole bool
	// inSDP tells that the SDP has the parameter sets.
	inSDP bool
}

// programme makes what a connection is told and gets.
func (c *Cam) programme(k *conn) *programme {
	p := &programme{inSDP: !k.has("sps-band-only") && !k.has("late-params"), whole: k.has("single-nal")}
	late, isLate := k.fault("late-sdp")
	if k.has("no-tracks") || isLate && k.now().Sub(c.upSince()) < late.time(0) {
		return p
	}
	if v := c.pictures(k); v != nil && !k.has("audio-only") {
		p.tracks = append(p.tracks, v)
	}
	if a := c.sound(k); a != nil && !k.has("video-only") {
		p.tracks = append(p.tracks, a)
	}
	p.second = pattern{width: 640, height: 360, slices: 1}.media()
	if c.second != nil && c.second.video != nil {
		p.second = c.second.video
	}
	return p
}

// pictures are those of the clip, or a pattern when a fault wants what the clip is not.
func (c *Cam) pictures(k *conn) *media {
	v := c.clip.video
	want := pattern{width: 320, height: 180, slices: 1, bFrames: k.has("bframes")}
	needed := want.bFrames && (v == nil || !v.reorders())
	if k.has("multi-slice") {
		want.slices = 4
		needed = needed || v == nil || v.slices() < 2
	}
	needed = needed || k.has("single-nal") && (v == nil || v.codec != codecH264 || v.largest() > maxPayload)
	if needed {
		return want.media()
	}
	return v
}

func (c *Cam) sound(k *conn) *media {
	switch {
	case k.has("pcma"):
		return tone(codecPCMA)
	case k.has("pcmu"):
		return tone(codecPCMU)
	case k.has("opus"):
		return silence()
	}
	return c.clip.audio
}

// slices is how many the first picture has.
func (m *media) slices() (n int) {
	for _, nalu := range m.samples[0].data {
		if (packetizer{codec: m.codec}).isSlice(nalu) {
			n++
		}
	}
	return n
}
