package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFirstUse(t *testing.T) {
	store := NewStore(filepath.Join(t.TempDir(), "camgate", "state"))
	out := &logs{}
	dialer := func() *Dialer {
		d, err := New(Options{TrustOnFirstUse: true, Store: store, Logger: out.logger()})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first, second := selfSigned(t, nil), selfSigned(t, nil)
	cam := newCamera(t, config(first))
	d := dialer()
	for i, want := range []Verification{ByFirstUse, ByRemembered, ByRemembered} {
		if i == 2 {
			d = dialer() // the gateway was started again
		}
		if facts, err := d.try(t, cam.address()); err != nil || facts.Verified != want {
			t.Fatalf("%d: %v, verified by %q, want %q", i, err, facts.Verified, want)
		}
	}
	if n := strings.Count(out.String(), leafPin(first).String()); n != 1 {
		t.Errorf("said %d times: %s", n, out)
	}
	info, err := os.Stat(store.Path())
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(store.Path())); len(entries) != 1 {
		t.Errorf("something is left: %v", entries)
	}

	// The same address with another certificate.
	cam.Close()
	moved := newCameraAt(t, cam.address(), config(second))
	_, err = d.try(t, moved.address())
	refused := (*RefusedError)(nil)
	if !errors.As(err, &refused) || refused.Fingerprint != leafPin(second) {
		t.Fatalf("another certificate: %v", err)
	}
	for _, want := range []string{leafPin(first).String(), "tls: {fingerprint: " + leafPin(second).String() + "}", "remove the line of " + cam.address() + " from " + store.Path()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	// Doing what it says, with an editor, while the gateway runs.
	data, err := os.ReadFile(store.Path())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], cam.address()+" "+leafPin(first).String()+" 20") {
		t.Fatalf("the file: %s", data)
	}
	if err := os.WriteFile(store.Path(), []byte(lines[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if facts, err := d.try(t, moved.address()); err != nil || facts.Verified != ByFirstUse {
		t.Errorf("%v, verified by %q", err, facts.Verified)
	}
}

// Who shows a certificate without having its key leaves nothing behind.
func TestFirstUseOfAnImpostor(t *testing.T) {
	store := NewStore(t.TempDir())
	cert := selfSigned(t, nil)
	cert.PrivateKey = newKey(t)
	if _, err := dialOnce(t, newCamera(t, config(cert)).address(), Options{TrustOnFirstUse: true, Store: store}); err == nil {
		t.Error("it was trusted")
	}
	if _, err := os.Stat(store.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Error("it is remembered")
	}
}

// What cannot be remembered, or cannot be compared, is not trusted.
func TestFirstUseWithoutStorage(t *testing.T) {
	cam := newCamera(t, config(selfSigned(t, nil)))
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := dialOnce(t, cam.address(), Options{TrustOnFirstUse: true, Store: NewStore(filepath.Join(file, "state"))})
	if err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a file for a folder: %v", err)
	}
	for name, text := range map[string]string{
		"two fields": "a:1 " + strings.Repeat("ab", 32) + "\n",
		"half a pin": "a:1 abcd 2026-01-31T12:00:00Z\n",
		"no date":    "# x\n\na:1 " + strings.Repeat("ab", 32) + " yesterday\n",
	} {
		store := NewStore(dir)
		if err := os.WriteFile(store.Path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		facts, err := dialOnce(t, cam.address(), Options{TrustOnFirstUse: true, Store: store})
		if err == nil || facts.Verified != "" || !strings.Contains(err.Error(), fmt.Sprintf("%s:%d: ", store.Path(), strings.Count(text, "\n"))) {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := os.ReadFile(store.Path()); string(got) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestStore(t *testing.T) {
	store := NewStore(t.TempDir())
	if err := os.WriteFile(store.Path(), []byte("# mine\n[FE80::1]:322 "+strings.Repeat("ab", 32)+" 2026-01-31T12:00:00Z"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if _, err := store.Remember(fmt.Sprintf("CAM-%d:322", i), Pin{byte(i)}, now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 20 {
		if k, found, err := store.Lookup(fmt.Sprintf("cam-%d:322", i)); err != nil || !found || k.Pin != (Pin{byte(i)}) || !k.Since.Equal(now.Truncate(time.Second)) {
			t.Errorf("%d: %v, %v, %v", i, k, found, err)
		}
	}
	if k, err := store.Remember("cam-1:322", Pin{99}, now); err != nil || k.Pin != (Pin{1}) {
		t.Errorf("the second one counts: %v, %v", k, err)
	}
	if k, found, err := store.Lookup("[fe80::1]:322"); err != nil || !found || k.Pin[0] != 0xab {
		t.Errorf("%v, %v, %v", k, found, err)
	}
	if data, _ := os.ReadFile(store.Path()); !strings.HasPrefix(string(data), "# mine\n") {
		t.Errorf("the comment is gone: %s", data)
	}
	if _, found, err := NewStore(t.TempDir()).Lookup("x:1"); found || err != nil {
		t.Errorf("an empty store: %v, %v", found, err)
	}
}

// Two gateways in one folder forget nothing of each other's, nor does camgate probe.
func TestStoreOfTwo(t *testing.T) {
	dir := t.TempDir()
	const each = 50
	var all sync.WaitGroup
	for g := range 2 {
		all.Go(func() {
			store := NewStore(dir) // its own, as in another process
			for i := range each {
				if _, err := store.Remember(fmt.Sprintf("cam-%d-%d:322", g, i), Pin{byte(i)}, time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	data, err := os.ReadFile(NewStore(dir).Path())
	if n := strings.Count(string(data), ":322 "); err != nil || n != 2*each {
		t.Errorf("%d of %d are remembered, %v", n, 2*each, err)
	}
}
