package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitSignal = 130 // a second signal came before all had ended
)

// stdio is what a command has of the outside world.
type stdio struct {
	in      io.Reader
	out     io.Writer
	err     io.Writer
	environ []string
}

// command is one of the program's.
type command struct {
	name    string // may be two words
	args    string // what follows, as shown in the help
	summary string
	details string
	example string
	// setup declares the flags and returns what the command does with the arguments
	// that are left.
	setup func(flags *flag.FlagSet) func(ctx context.Context, std stdio, args []string) error
}

// commands lists all of them; the first is what runs when none is named.
func commands() []command {
	return []command{runCommand(), checkCommand(), probeCommand(), userAddCommand(), discoverCommand(), encodersCommand(), devicesCommand(), fakecamCommand(), versionCommand()}
}

// usageError is an error in how a command was called.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// exitError is a failure of which all is said already.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// dispatch runs the command that the arguments name and returns the exit code.
func dispatch(ctx context.Context, std stdio, args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "help", "--help", "-help", "-h":
			return help(std, args[1:])
		case "--version", "-version":
			args[0] = "version"
		}
	}
	cmd, rest, err := choose(args)
	if err == nil {
		err = cmd.run(ctx, std, rest)
	}
	usage, told := (*usageError)(nil), (*exitError)(nil)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(std.out, cmd.help())
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(std.err, "camgate: %v\nSee: %s --help\n", err, strings.TrimSpace("camgate "+cmd.name))
		return exitUsage
	case errors.As(err, &told):
		return told.code
	default:
		fmt.Fprintln(std.err, err)
		return exitFailed
	}
}

// choose finds the command in the arguments.
func choose(args []string) (cmd command, rest []string, err error) {
	all := commands()
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return all[0], args, nil
	}
	for _, c := range all {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return c, args[len(words):], nil
		}
		if args[0] == words[0] && (len(args) == 1 || strings.HasPrefix(args[1], "-")) {
			return c, args[1:], nil // the second word is not there to be asked about
		}
	}
	var names []string
	for _, c := range all {
		if first, second, two := strings.Cut(c.name, " "); two && first == args[0] {
			names = []string{first + " " + second}
			break
		}
		names = append(names, c.name)
	}
	return command{}, nil, usagef("there is no command %q: there is %s", args[0], strings.Join(names, ", "))
}

// run parses the flags, which may stand before, between and behind the arguments.
func (c command) run(ctx context.Context, std stdio, args []string) error {
	flags := c.flags()
	do := c.setup(flags)
	var operands []string
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return err
			}
			return usagef("%v", err)
		}
		if flags.NArg() == 0 {
			break
		}
		if consumed := len(args) - flags.NArg(); consumed > 0 && args[consumed-1] == "--" {
			operands = append(operands, flags.Args()...)
			break
		}
		operands = append(operands, flags.Arg(0))
		args = flags.Args()[1:]
	}
	return do(ctx, std, operands)
}

func (c command) flags() *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// help prints the program's help, or that of a command.
func help(std stdio, args []string) int {
	if len(args) > 0 {
		cmd, _, err := choose(args)
		if err != nil {
			fmt.Fprintf(std.err, "camgate: %v\n", err)
			return exitUsage
		}
		fmt.Fprint(std.out, cmd.help())
		return exitOK
	}
	var b strings.Builder
	b.WriteString("camgate takes each camera once and serves it to everybody:\nby RTSP, WebRTC, Low-Latency HLS and MJPEG.\n\nUsage:\n  camgate [COMMAND] [FLAGS]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-15s %s\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
	}
	b.WriteString("\nWithout a command it is \"run\". Each command has --help.\n\nExample:\n  camgate                    # a demo at http://127.0.0.1:8889/\n  camgate -c camgate.yaml    # your cameras\n")
	fmt.Fprint(std.out, b.String())
	return exitOK
}

func (c command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", c.details, strings.TrimSpace("camgate "+c.name+" "+c.args))
	flags := c.flags()
	c.setup(flags)
	first := true
	flags.VisitAll(func(f *flag.Flag) {
		if first {
			b.WriteString("\nFlags:\n")
			first = false
		}
		dashes := "--"
		if len(f.Name) == 1 {
			dashes = "-"
		}
		what, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  %-20s %s\n", strings.TrimSpace(dashes+f.Name+" "+what), usage)
	})
	fmt.Fprintf(&b, "\nExample:\n%s\n", indent(c.example))
	return b.String()
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
