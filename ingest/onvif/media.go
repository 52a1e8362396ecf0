package onvif

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camgate/camgate"
)

// Profile is one of a camera's: a choice of picture and encoding.
type Profile struct {
	Token  string
	Name   string
	Codec  string // as the camera writes it: H264, H265, JPEG; empty: it has no video
	Width  int
	Height int

	second bool // of the second media service
}

// String describes a profile for people.
func (p Profile) String() string {
	text := p.Token
	if p.Name != "" && p.Name != p.Token {
		text += fmt.Sprintf(" %q", p.Name)
	}
	if p.Codec == "" {
		return text + " (no video)"
	}
	if p.Width > 0 {
		return fmt.Sprintf("%s (%s %dx%d)", text, p.Codec, p.Width, p.Height)
	}
	return text + " (" + p.Codec + ")"
}

// media is where the two media services are; nil: there is none.
type media struct{ first, second *url.URL }

// readClock finds out what time it is at the camera: logins carry a time, and are good
// for some seconds of it. Everybody may ask (ONVIF Core 8.3.6).
func (c *client) readClock(ctx context.Context) error {
	asked := time.Now()
	anonymous := *c
	anonymous.credentials.User, anonymous.credentials.Password = "", ""
	response, err := anonymous.ask(ctx, request{service: c.resolver.device, space: spaceDevice, action: "GetSystemDateAndTime"})
	fault := (*faultError)(nil)
	if err != nil && !errors.As(err, &fault) && !errors.Is(err, camgate.ErrAuthFailed) {
		return err
	}
	if at, ok := dateOf(response.at("SystemDateAndTime", "UTCDateTime")); ok {
		c.skew = at.Sub(asked.Add(time.Since(asked) / 2))
	} else if anonymous.known {
		c.skew = anonymous.date
	}
	c.resolver.tellClock(c.skew)
	return nil
}

// tellClock logs a clock that is wrong, when it is wrong in another way than before.
func (r *Resolver) tellClock(skew time.Duration) {
	before := r.clock.Load()
	if skew.Abs() < wrongClock || before != nil && (skew-*before).Abs() < wrongClock {
		return
	}
	r.clock.Store(&skew)
	r.opts.Logger.Warn("the clock of the camera is wrong; logins are made for its time", "ahead", skew.Round(time.Second))
}

// dateOf reads a DateTime of ONVIF's schema.
func dateOf(e *element) (time.Time, bool) {
	var n [6]int
	for i, path := range [...][2]string{{"Date", "Year"}, {"Date", "Month"}, {"Date", "Day"}, {"Time", "Hour"}, {"Time", "Minute"}, {"Time", "Second"}} {
		v, err := strconv.Atoi(e.at(path[:]...).value())
		if err != nil || v < 0 || v > 9999 {
			return time.Time{}, false
		}
		n[i] = v
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC), n[0] > 0
}

// services asks where the media services are: in the way of today, then in that of
// old cameras, which know one of them only.
func (c *client) services(ctx context.Context) (media, error) {
	var m media
	device := c.resolver.device
	response, err := c.ask(ctx, request{service: device, space: spaceDevice, action: "GetServices", body: "<IncludeCapability>false</IncludeCapability>"})
	if err != nil && !isFault(err) {
		return m, err
	}
	for _, s := range response.all("Service") {
		switch s.child("Namespace").value() {
		case spaceMedia:
			m.first = c.resolver.service(s.child("XAddr").value())
		case spaceMedia2:
			m.second = c.resolver.service(s.child("XAddr").value())
		}
	}
	if m.first != nil || m.second != nil {
		return m, nil
	}
	response, err = c.ask(ctx, request{service: device, space: spaceDevice, action: "GetCapabilities", body: "<Category>All</Category>"})
	if err != nil && !isFault(err) {
		return m, err
	}
	if m.first = c.resolver.service(response.at("Capabilities", "Media", "XAddr").value()); m.first == nil {
		m.first = device // the one address that some have for all services
	}
	return m, nil
}

// service makes the address of a service one that we reach, and that is the camera's:
// of what it says the path, and the port if it knows its own host and how it is spoken to.
func (r *Resolver) service(text string) *url.URL {
	for one := range strings.FieldsSeq(text) {
		u, err := url.Parse(one)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			continue
		}
		if u.Scheme != r.device.Scheme || !strings.EqualFold(u.Hostname(), r.device.Hostname()) {
			u.Scheme, u.Host = r.device.Scheme, r.device.Host
		}
		u.User = nil
		return u
	}
	return nil
}

// profiles asks both services as far as needed: the second knows H265.
func (c *client) profiles(ctx context.Context, m media) ([]Profile, error) {
	var list []Profile
	if m.second != nil {
		response, err := c.ask(ctx, request{service: m.second, space: spaceMedia2, action: "GetProfiles", body: "<Type>All</Type>"})
		if err != nil && (m.first == nil || !isFault(err)) {
			return nil, err
		}
		list = profilesOf(response, true)
	}
	wanted := c.resolver.profile
	if m.first != nil && (len(list) == 0 || wanted != "" && find(list, wanted) < 0) {
		response, err := c.ask(ctx, request{service: m.first, space: spaceMedia, action: "GetProfiles"})
		if err != nil && (len(list) == 0 || !isFault(err)) {
			return nil, err
		}
		list = append(list, profilesOf(response, false)...)
	}
	return list, nil
}

const maxProfiles = 256

func profilesOf(response *element, second bool) (list []Profile) {
	for _, e := range response.all("Profiles") {
		p := Profile{Token: e.attr("token"), Name: clean(e.child("Name").value()), second: second}
		encoder := e.child("VideoEncoderConfiguration")
		if second {
			encoder = e.at("Configurations", "VideoEncoder")
		}
		p.Codec = strings.ToUpper(clean(encoder.child("Encoding").value()))
		p.Width, _ = strconv.Atoi(encoder.at("Resolution", "Width").value())
		p.Height, _ = strconv.Atoi(encoder.at("Resolution", "Height").value())
		if p.Token != "" && len(list) < maxProfiles {
			list = append(list, p)
		}
	}
	return list
}

// find looks for a profile by its token, its name, or its number.
func find(list []Profile, wanted string) int {
	for _, same := range []func(Profile) bool{
		func(p Profile) bool { return p.Token == wanted },
		func(p Profile) bool { return p.Name == wanted },
		func(p Profile) bool { return strings.EqualFold(p.Token, wanted) || strings.EqualFold(p.Name, wanted) },
	} {
		if i := slices.IndexFunc(list, same); i >= 0 {
			return i
		}
	}
	if n, err := strconv.Atoi(wanted); err == nil && n >= 1 && n <= len(list) {
		return n - 1
	}
	return -1
}

// choose takes the wanted profile, or the first that suits everybody.
func choose(list []Profile, wanted string) (Profile, error) {
	if len(list) == 0 {
		return Profile{}, fmt.Errorf("%w: the camera has no profile", camgate.ErrNoVideoTrack)
	}
	if wanted != "" {
		if i := find(list, wanted); i >= 0 {
			return list[i], nil
		}
		return Profile{}, fmt.Errorf("%w: the camera has no profile %q; it has %s", camgate.ErrStreamNotFound, clean(wanted), namesOf(list))
	}
	for _, suits := range []func(Profile) bool{
		func(p Profile) bool { return p.Codec == "H264" || p.Codec == "H265" },
		func(p Profile) bool { return p.Codec != "" },
	} {
		if i := slices.IndexFunc(list, suits); i >= 0 {
			return list[i], nil
		}
	}
	return list[0], nil // some cameras do not say what is in it
}

func namesOf(list []Profile) string {
	const most = 16
	var names []string
	for i, p := range list[:min(len(list), most)] {
		names = append(names, fmt.Sprintf("%d: %s", i+1, clean(p.String())))
	}
	if len(list) > most {
		names = append(names, fmt.Sprintf("and %d more", len(list)-most))
	}
	return strings.Join(names, ", ")
}

// uri asks for the URI of a profile's stream, or of its pictures.
func (c *client) uri(ctx context.Context, m media, p Profile, still bool) (string, error) {
	token := "<ProfileToken>" + escaped(p.Token) + "</ProfileToken>"
	r := request{service: m.first, space: spaceMedia, action: "GetStreamUri"}
	bodies := []string{setup("RTSP") + token, setup("UDP") + token}
	if p.second {
		r.service, r.space = m.second, spaceMedia2
		bodies = []string{"<Protocol>RtspUnicast</Protocol>" + token, "<Protocol>RTSP</Protocol>" + token}
	}
	if still {
		r.action, bodies = "GetSnapshotUri", []string{token}
	}
	var first error
	for _, body := range bodies {
		r.body = body
		response, err := c.ask(ctx, r)
		if text := response.below("Uri").value(); err == nil && text != "" {
			return text, nil
		}
		if err != nil && !isFault(err) {
			return "", err
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = fmt.Errorf("%w: the camera has no URI for profile %s", camgate.ErrNoVideoTrack, clean(p.String()))
	}
	return "", first
}

func setup(protocol string) string {
	return `<StreamSetup><Stream xmlns="` + spaceSchema + `">RTP-Unicast</Stream><Transport xmlns="` + spaceSchema + `"><Protocol>` +
		protocol + `</Protocol></Transport></StreamSetup>`
}

func isFault(err error) bool {
	fault := (*faultError)(nil)
	return errors.As(err, &fault)
}
