package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/camgate/camgate/cmd/camgate/config"
)

func checkCommand() command {
	return command{
		name:    "check",
		args:    "[FILE]",
		summary: "validate a config file",
		details: `Validates a config file, with what the environment adds to it, and prints what
is wrong with it as FILE:LINE:COLUMN: MESSAGE, all at once. Nothing is started
and no camera is asked. It ends with 1 when something is wrong.

Without a FILE it takes the one that "camgate run" would take.`,
		example: "camgate check camgate.yaml",
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			file := flags.String("c", "", "the config `FILE`")
			return func(_ context.Context, std stdio, args []string) error {
				switch {
				case len(args) > 1 || len(args) == 1 && *file != "":
					return usagef("one FILE at a time")
				case len(args) == 1:
					*file = args[0]
				}
				return check(std, *file)
			}
		},
	}
}

func check(std stdio, file string) error {
	if file == "" {
		file = findConfig(std.environ)
	}
	if file == "" {
		return usagef("there is no config file here (%s): name one", whereConfigs())
	}
	loaded, err := config.Load(file, std.environ)
	if err != nil {
		return err
	}
	for _, w := range loaded.Warnings {
		fmt.Fprintf(std.err, "warning: %v\n", w)
	}
	streams := "streams"
	if len(loaded.Streams) == 1 {
		streams = "stream"
	}
	fmt.Fprintf(std.out, "%s: ok, %d %s\n", file, len(loaded.Streams), streams)
	return nil
}
