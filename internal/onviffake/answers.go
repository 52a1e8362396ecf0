package onviffake

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// answer writes the answer to a request; empty: the camera does not know it.
func (c *Camera) answer(m message, base string) string {
	what := m.Body.Any
	switch what.XMLName {
	case xml.Name{Space: device, Local: "GetSystemDateAndTime"}:
		return c.time()
	case xml.Name{Space: device, Local: "GetServices"}:
		return c.services(base)
	case xml.Name{Space: device, Local: "GetCapabilities"}:
		return `<~GetCapabilitiesResponse><~Capabilities><~Device><~XAddr>` + base + `/onvif/device_service</~XAddr></~Device><~Media><~XAddr>` +
			base + `/onvif/media</~XAddr></~Media></~Capabilities></~GetCapabilitiesResponse>`
	case xml.Name{Space: device, Local: "GetDeviceInformation"}:
		return `<~GetDeviceInformationResponse><~Manufacturer>Nobody</~Manufacturer><~Model>Fake</~Model><~FirmwareVersion>1</~FirmwareVersion><~SerialNumber>1</~SerialNumber><~HardwareId>1</~HardwareId></~GetDeviceInformationResponse>`
	case xml.Name{Space: media, Local: "GetProfiles"}:
		return c.when(c.First, "GetProfiles", c.firstProfiles())
	case xml.Name{Space: media2, Local: "GetProfiles"}:
		return c.when(c.Second, "GetProfiles", c.secondProfiles())
	case xml.Name{Space: media, Local: "GetStreamUri"}:
		if c.UDPOnly && what.Old != "UDP" {
			return ""
		}
		return c.when(c.First && c.has(what.Token), "GetStreamUri", `<~MediaUri><~Uri>`+c.stream(what.Token)+`</~Uri><~Timeout>PT0S</~Timeout></~MediaUri>`)
	case xml.Name{Space: media2, Local: "GetStreamUri"}:
		ok := c.Second && c.has(what.Token) && what.Protocol != ""
		return c.when(ok, "GetStreamUri", `<~Uri>`+c.stream(what.Token)+`</~Uri>`)
	case xml.Name{Space: media, Local: "GetSnapshotUri"}:
		return c.when(c.First && c.SnapshotURI != "", "GetSnapshotUri", `<~MediaUri><~Uri>`+escape(c.SnapshotURI)+`</~Uri></~MediaUri>`)
	case xml.Name{Space: media2, Local: "GetSnapshotUri"}:
		return c.when(c.Second && c.SnapshotURI != "", "GetSnapshotUri", `<~Uri>`+escape(c.SnapshotURI)+`</~Uri>`)
	}
	return ""
}

func (c *Camera) when(ok bool, action, body string) string {
	if !ok {
		return ""
	}
	return "<~" + action + "Response>" + body + "</~" + action + "Response>"
}

func (c *Camera) has(token string) bool {
	for _, p := range c.Profiles {
		if p.Token == token {
			return true
		}
	}
	return false
}

func (c *Camera) time() string {
	at := time.Now().Add(c.Clock).UTC()
	return fmt.Sprintf(`<~GetSystemDateAndTimeResponse><~SystemDateAndTime><~DateTimeType>Manual</~DateTimeType><~DaylightSavings>false</~DaylightSavings>`+
		`<~UTCDateTime><~Time><~Hour>%d</~Hour><~Minute>%d</~Minute><~Second>%d</~Second></~Time><~Date><~Year>%d</~Year><~Month>%d</~Month><~Day>%d</~Day></~Date></~UTCDateTime>`+
		`</~SystemDateAndTime></~GetSystemDateAndTimeResponse>`, at.Hour(), at.Minute(), at.Second(), at.Year(), at.Month(), at.Day())
}

func (c *Camera) services(base string) string {
	if c.OldStyle {
		return ""
	}
	list := [][2]string{{device, "/onvif/device_service"}}
	if c.First {
		list = append(list, [2]string{media, "/onvif/media"})
	}
	if c.Second {
		list = append(list, [2]string{media2, "/onvif/media2"})
	}
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, `<~Service><~Namespace>%s</~Namespace><~XAddr>%s%s</~XAddr><~Version><~Major>2</~Major><~Minor>0</~Minor></~Version></~Service>`, s[0], base, s[1])
	}
	return c.when(true, "GetServices", b.String())
}

func (c *Camera) firstProfiles() string {
	var b strings.Builder
	for _, p := range c.Profiles {
		if p.Codec == "H265" {
			continue // which it has no word for
		}
		fmt.Fprintf(&b, `<~Profiles token="%s" fixed="true"><~Name>%s</~Name>`, escape(p.Token), escape(p.Name))
		if p.Codec != "" {
			fmt.Fprintf(&b, `<~VideoEncoderConfiguration token="v"><~Encoding>%s</~Encoding><~Resolution><~Width>%d</~Width><~Height>%d</~Height></~Resolution></~VideoEncoderConfiguration>`, p.Codec, p.Width, p.Height)
		}
		b.WriteString(`</~Profiles>`)
	}
	return b.String()
}

func (c *Camera) secondProfiles() string {
	var b strings.Builder
	for _, p := range c.Profiles {
		fmt.Fprintf(&b, `<~Profiles token="%s" fixed="true"><~Name>%s</~Name><~Configurations>`, escape(p.Token), escape(p.Name))
		if p.Codec != "" {
			fmt.Fprintf(&b, `<~VideoEncoder token="v"><~Encoding>%s</~Encoding><~Resolution><~Width>%d</~Width><~Height>%d</~Height></~Resolution></~VideoEncoder>`, p.Codec, p.Width, p.Height)
		}
		b.WriteString(`</~Configurations></~Profiles>`)
	}
	return b.String()
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
