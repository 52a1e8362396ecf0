package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/camgate/camgate/cmd/camgate/config"
)

// addedUser is what the flags of "user add" say.
type addedUser struct {
	role     string
	streams  string
	generate bool
	hash     bool
}

func userAddCommand() command {
	return command{
		name:    "user add",
		args:    "NAME",
		summary: "print the config entry of a user",
		details: `Prints the config entry of a user, to be pasted under "users:". The password is
asked for on a terminal, else it is the first line of standard input.

With --hash the entry has a hash in place of the password. Then the password
works for the pages and the API, and over RTSP by Basic authentication only:
RTSP Digest, which most players and recorders prefer, needs the password itself.`,
		example: `camgate user add tv --role viewer --streams 'front-*,yard' --generate
echo "$PASSWORD" | camgate user add admin --role admin --hash`,
		setup: func(flags *flag.FlagSet) func(context.Context, stdio, []string) error {
			var u addedUser
			flags.StringVar(&u.role, "role", "viewer", "`ROLE`: admin, viewer or publisher (default viewer)")
			flags.StringVar(&u.streams, "streams", "", "`NAMES` of streams this holds for, with commas between them; * stands for any characters (default all)")
			flags.BoolVar(&u.generate, "generate", false, "make a random password")
			flags.BoolVar(&u.hash, "hash", false, "print an argon2id hash in place of the password")
			return func(_ context.Context, std stdio, args []string) error {
				if len(args) != 1 {
					return usagef("want one NAME")
				}
				return u.add(std, args[0])
			}
		},
	}
}

func (u addedUser) add(std stdio, name string) error {
	password, err := u.password(std, name)
	if err != nil {
		return err
	}
	entry := "  - name: " + quote(name) + "\n"
	if u.hash {
		entry += "    password_hash: " + quote(config.HashPassword(password)) + "\n"
	} else {
		entry += "    password: " + quote(config.Escape(password)) + "\n"
	}
	entry += "    role: " + quote(u.role) + "\n"
	if u.streams != "" {
		var patterns []string
		for pattern := range strings.SplitSeq(u.streams, ",") {
			patterns = append(patterns, quote(strings.TrimSpace(pattern)))
		}
		entry += "    streams: [" + strings.Join(patterns, ", ") + "]\n"
	}
	// The loader is the judge of names, roles and patterns.
	if _, err := config.Parse([]byte("users:\n"+entry), "", nil); err != nil {
		var invalid config.InvalidError
		if errors.As(err, &invalid) && len(invalid) > 0 {
			return usagef("%s", strings.TrimPrefix(invalid[0].Message, "users[0]."))
		}
		return err
	}
	if u.generate && u.hash {
		fmt.Fprintf(std.err, "The password of %s is %s (it is not in the entry and cannot be shown again).\n", name, password)
	}
	fmt.Fprintf(std.err, "Add this to the config:\n\n")
	fmt.Fprint(std.out, "users:\n"+entry)
	if u.hash {
		fmt.Fprintf(std.err, "\nWith a hash, RTSP works by Basic authentication only: Digest needs the password itself.\n")
	}
	return nil
}

// password returns a new password, or the one that is typed or piped in.
func (u addedUser) password(std stdio, name string) (string, error) {
	if u.generate {
		return rand.Text(), nil
	}
	var password string
	var err error
	if f, ok := std.in.(*os.File); ok && isTerminal(f) {
		fmt.Fprintf(std.err, "Password for %s: ", name)
		password, err = readHidden(f)
		fmt.Fprintln(std.err)
	} else {
		password, err = readLine(std.in)
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("camgate: read the password: %w", err)
	case password == "":
		return "", usagef("the password is empty; --generate makes one")
	}
	return password, nil
}

func readLine(in io.Reader) (string, error) {
	const most = 1024
	line, err := bufio.NewReader(io.LimitReader(in, most)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// quote writes a YAML value that stands for exactly this text. The escapes of
// Go's strings are those of YAML's, other than for bytes that are no UTF-8.
func quote(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if plain && !strings.Contains(" true false yes no on off null y n nan inf ", " "+strings.ToLower(s)+" ") {
		return s
	}
	return strconv.Quote(strings.ToValidUTF8(s, "\uFFFD"))
}
