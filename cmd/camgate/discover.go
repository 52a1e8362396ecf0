package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/camgate/camgate/ingest/onvif"
)

// discovery is what the flags of "discover" say.
type discovery struct {
	onvif.DiscoverOptions
	json bool
}

func discoverCommand() command {
	return command{
		name:    "discover",
		summary: "find the cameras in the network",
		details: `Asks the network for cameras that speak ONVIF (WS-Discovery, by IPv4 and IPv6), and
prints for each what it is and the line to paste under "streams:". USER and PASSWORD
are to be filled in; many cameras have users of their own for ONVIF.

It ends with 1 when no camera answers.`,
		example: `camgate discover
camgate discover --interface eth0 --timeout 10s
camgate discover --json`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			var d discovery
			flags.BoolVar(&d.json, "json", false, "print a JSON array")
			flags.DurationVar(&d.Timeout, "timeout", 3*time.Second, "`TIME` to wait for answers (default 3s)")
			flags.StringVar(&d.Interface, "interface", "", "`NAME` of the interface to ask on (default all with multicast)")
			return func(ctx context.Context, std stdio, args []string) error {
				if len(args) > 0 {
					return usagef("unexpected argument %q", args[0])
				}
				if d.Timeout <= 0 || d.Timeout > time.Hour {
					return usagef("--timeout is more than 0 and at most 1h")
				}
				return d.run(ctx, std)
			}
		},
	}
}

func (d discovery) run(ctx context.Context, std stdio) error {
	found, asked, err := onvif.Discover(ctx, d.DiscoverOptions)
	switch {
	case err != nil:
		return fmt.Errorf("camgate: discover: %w", err)
	case d.json:
		err = printJSON(std.out, found)
	default:
		printDevices(std.out, found)
	}
	if err == nil && len(found) == 0 && ctx.Err() == nil {
		return fmt.Errorf("camgate: no camera answered within %v on %s: is ONVIF switched on in its settings, and is it in the same network?", d.Timeout, strings.Join(asked, ", "))
	}
	return err
}

func printJSON(out io.Writer, found []onvif.Device) error {
	if found == nil {
		found = []onvif.Device{}
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(found)
}

func printDevices(out io.Writer, found []onvif.Device) {
	taken := map[string]bool{}
	for i, d := range found {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out, strings.TrimSpace(strings.Join([]string{d.Address, d.Name}, "  ")))
		for _, row := range [...][2]string{{"hardware", d.Hardware}, {"location", d.Location}, {"interface", d.Interface}, {"service", strings.Join(d.XAddrs, " ")}} {
			if row[1] != "" {
				fmt.Fprintf(out, "  %-10s %s\n", row[0], row[1])
			}
		}
		if d.Source == "" {
			fmt.Fprintln(out, "  it has link-local addresses only: give it one of the network")
			continue
		}
		fmt.Fprintf(out, "  %-10s %s: {source: %q}\n", "config", streamName(d, taken), d.Source)
	}
}

// noNames are words that are no names in YAML, or no streams of the gateway.
var noNames = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n", "api", "healthz", "readyz", "metrics", "assets"}

// streamName makes a name for a camera's stream that no other one has.
func streamName(d onvif.Device, taken map[string]bool) string {
	base := d.Name
	if base == "" {
		base = d.Hardware
	}
	base = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789", r) {
			return r
		}
		return '-'
	}, strings.ToLower(base)), "-")
	for strings.Contains(base, "--") {
		base = strings.ReplaceAll(base, "--", "-")
	}
	if base == "" || base[0] >= '0' && base[0] <= '9' || slices.Contains(noNames, base) {
		base = strings.TrimSuffix("camera-"+base, "-")
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	taken[name] = true
	return name
}
