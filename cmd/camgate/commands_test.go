package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/camgate/camgate/cmd/camgate/config"
)

// result is what a command did.
type result struct {
	code     int
	out, err string
}

// do runs a command in this process.
func do(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs strings.Builder
	std := stdio{in: strings.NewReader(stdin), out: &out, err: &errs}
	return result{dispatch(t.Context(), std, args), out.String(), errs.String()}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	all := do(t, "", "--help")
	for _, c := range commands() {
		for _, args := range [][]string{
			append(strings.Fields(c.name), "--help"),
			append(strings.Fields(c.name), "-h"),
			append([]string{"help"}, strings.Fields(c.name)...),
			{strings.Fields(c.name)[0], "--help"},
		} {
			got := do(t, "", args...)
			if got.code != 0 || got.err != "" || !strings.Contains(got.out, "Example:\n  ") || !strings.Contains(got.out, "Usage:\n  camgate "+c.name) {
				t.Errorf("%v: %+v", args, got)
			}
		}
		if !strings.Contains(all.out, c.name) {
			t.Errorf("camgate --help does not name %q", c.name)
		}
	}
	if all.code != 0 {
		t.Errorf("camgate --help exits with %d", all.code)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"serve", `camgate: there is no command "serve": there is run, check, probe, user add, discover, encoders, devices, fakecam, version`},
		{"user", "camgate: want one NAME"},
		{"user del", `camgate: there is no command "user": there is user add`},
		{"run extra", `camgate: unexpected argument "extra"; a config file is named with -c`},
		{"run -c a --demo", "camgate: -c and --demo exclude each other"},
		{"--nonsense", "camgate: flag provided but not defined: -nonsense"},
		{"check a b", "camgate: one FILE at a time"},
		{"user add", "camgate: want one NAME"},
		{"user add a b", "camgate: want one NAME"},
		{"user add a --generate --role root", `camgate: role: "root" is none of admin, viewer, publisher`},
		{"user add a:b --generate", `camgate: name: "a:b" cannot be a user's name: colons, quotes and control characters have no place in it`},
		{"user add a", "camgate: the password is empty; --generate makes one"},
		{"version now", `camgate: unexpected argument "now"`},
	} {
		got := do(t, "", strings.Fields(tt.args)...)
		if first, _, _ := strings.Cut(got.err, "\n"); got.code != exitUsage || first != tt.want || got.out != "" {
			t.Errorf("%s: %+v, want %s", tt.args, got, tt.want)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, args := range []string{"version", "--version"} {
		if got := do(t, "", args); got.code != 0 || !strings.HasPrefix(got.out, "camgate ") || strings.Count(got.out, "\n") != 1 {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestUserAdd(t *testing.T) {
	for _, tt := range []struct {
		args, stdin string
		password    string
	}{
		{"tv", "simple\n", "simple"},
		{"tv", "no newline", "no newline"},
		{"tv", "007\r\n", "007"},
		{"tv", "true\n", "true"},
		{"tv --role admin --streams front-*,yard", "a: b # ${HOME} $${X} 'q' \"q\" \\ \u00e9\u2028\n", "a: b # ${HOME} $${X} 'q' \"q\" \\ \u00e9\u2028"},
		{"--role publisher tv", "*star\n", "*star"},
		{"tv --hash", "hashed\n", "hashed"},
	} {
		got := do(t, tt.stdin, append([]string{"user", "add"}, strings.Fields(tt.args)...)...)
		if got.code != 0 {
			t.Errorf("%s: %+v", tt.args, got)
			continue
		}
		loaded, err := config.Parse([]byte(got.out), "entry", []string{"HOME=wrong", "X=wrong"})
		if err != nil {
			t.Errorf("%s: %v\n%s", tt.args, err, got.out)
			continue
		}
		users, err := loaded.Accounts()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := users.Check("tv", tt.password); err != nil {
			t.Errorf("%s: the password does not open the entry %s", tt.args, got.out)
		}
		if strings.Contains(tt.args, "--hash") != strings.Contains(got.err, "Digest needs the password itself") || strings.Contains(got.err, tt.password) {
			t.Errorf("%s: says %q", tt.args, got.err)
		}
	}
}

func TestUserAddGenerates(t *testing.T) {
	a, b := do(t, "", "user", "add", "x", "--generate"), do(t, "", "user", "add", "x", "--generate")
	if a.code != 0 || a.out == b.out {
		t.Errorf("two random passwords are the same: %+v", a)
	}
	hashed := do(t, "", "user", "add", "x", "--generate", "--hash")
	_, after, ok := strings.Cut(hashed.err, "The password of x is ")
	password, _, _ := strings.Cut(after, " ")
	loaded, err := config.Parse([]byte(hashed.out), "", nil)
	if !ok || err != nil {
		t.Fatalf("%+v, %v", hashed, err)
	}
	users, err := loaded.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := users.Check("x", password); err != nil {
		t.Errorf("%q does not open %s", password, hashed.out)
	}
}

func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal)
		exited := 0
		ctx := untilSignal(signals, func(code int) { exited = code })
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatal("ended before a signal")
		}
		signals <- syscall.SIGTERM
		synctest.Wait()
		if ctx.Err() == nil || exited != 0 {
			t.Fatalf("after one signal: %v, exit %d", ctx.Err(), exited)
		}
		signals <- syscall.SIGHUP
		synctest.Wait()
		if exited != 0 {
			t.Fatal("SIGHUP behind the first signal is a second one")
		}
		signals <- syscall.SIGTERM
		synctest.Wait()
		if exited != exitSignal {
			t.Fatalf("after two signals: exit %d", exited)
		}
	})
}
