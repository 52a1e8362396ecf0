package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/camgate/camgate/cmd/camgate/config"
)

func runCommand() command {
	return command{
		name:    "run",
		args:    "[-c FILE]",
		summary: "serve the streams of a config file, or a demo",
		details: `Serves the streams of a config file. Without -c the file is the one that
` + config.ConfigVariable + ` names, else the first of ` + whereConfigs() + ` that is there.
When there is none, and the environment names no stream either, it serves one
stream "demo" to this machine.`,
		example: `camgate                       # a demo at http://127.0.0.1:8889/
camgate run -c camgate.yaml   # the streams of camgate.yaml; "run" may be left out`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			file := flags.String("c", "", "the config `FILE`")
			demo := flags.Bool("demo", false, "the demo, whatever config files there are")
			return func(ctx context.Context, std stdio, args []string) error {
				switch {
				case len(args) > 0:
					return usagef("unexpected argument %q; a config file is named with -c", args[0])
				case *demo && *file != "":
					return usagef("-c and --demo exclude each other")
				case *file == "" && !*demo:
					*file = findConfig(std.environ)
				}
				return run(ctx, std, *file)
			}
		},
	}
}

// configFiles are where a config is looked for, in this order.
func configFiles() []string { return []string{"camgate.yaml", "/etc/camgate/camgate.yaml"} }

func whereConfigs() string { return strings.Join(configFiles(), ", ") }

// findConfig returns the config file to take when none is named; empty: there is none.
func findConfig(environ []string) string {
	for _, kv := range environ {
		if file, ok := strings.CutPrefix(kv, config.ConfigVariable+"="); ok && file != "" {
			return file
		}
	}
	for _, file := range configFiles() {
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			return file
		}
	}
	return ""
}

func run(ctx context.Context, std stdio, file string) error {
	loaded, err := config.Load(file, std.environ)
	if err != nil {
		return err
	}
	demo := file == "" && len(loaded.Streams) == 0
	if demo {
		loaded.AddDemo()
	}
	log := newLogger(std.err, loaded.Log)
	for _, w := range loaded.Warnings {
		log.Warn("strange config", "err", w.String())
	}
	if file != "" {
		log.Info("config loaded", "file", file, "streams", len(loaded.Streams), "users", len(loaded.Users))
	}
	sparing()
	app, err := newApp(ctx, loaded.Config, log)
	if err != nil {
		return fmt.Errorf("camgate: %w", err)
	}
	if loaded.LoopbackOnly() {
		log.Info(`serving this machine only, as there are no users: add some ("camgate user add NAME"), or set "allow_anonymous: true"`)
	}
	if loaded.AllowAnonymous {
		log.Warn(`everybody who reaches this machine may watch and publish, as "allow_anonymous" is true`)
	}
	announce(std.out, loaded.Config, demo)
	if err := app.Run(ctx); err != nil {
		return fmt.Errorf("camgate: %w", err)
	}
	return nil
}

// sparing has garbage collected when the heap has grown by half, not when it has
// doubled. Most of the heap is media, which are not looked into, and the paths of
// packets make no garbage: it costs no time that could be measured, and a third less
// memory. GOGC, where it is set, stays what it is.
func sparing() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
