package camgate

import (
	"errors"
	"strings"
	"testing"
)

func TestMay(t *testing.T) {
	viewer := User{Name: "tv", Password: "s3cret", Role: RoleViewer, Streams: []string{"front-*", "live/yard"}}
	publisher := User{Name: "obs", Role: RolePublisher, Streams: []string{"live/*"}}
	tests := []struct {
		user   User
		action Action
		stream string
		want   bool
	}{
		{viewer, ActionRead, "front-door", true},
		{viewer, ActionRead, "front-", true},
		{viewer, ActionRead, "front-/left", true},
		{viewer, ActionRead, "live/yard", true},
		{viewer, ActionRead, "live/yard2", false},
		{viewer, ActionRead, "back-front-door", false},
		{viewer, ActionRead, "", false},
		{viewer, ActionPublish, "front-door", false},
		{viewer, ActionList, "", true},
		{viewer, ActionAdmin, "", false},
		{User{Role: RoleViewer}, ActionRead, "anything/at/all", true},
		{User{Role: RoleViewer, Streams: []string{}}, ActionRead, "anything", true},
		{User{Role: RoleViewer, Streams: []string{"[", "yard"}}, ActionRead, "yard", true},
		{User{Role: RoleViewer, Streams: []string{"["}}, ActionRead, "yard", false},
		{User{Role: RoleViewer, Streams: []string{""}}, ActionRead, "yard", false},

		{publisher, ActionPublish, "live/obs", true},
		{publisher, ActionPublish, "live/a/b", true},
		{publisher, ActionPublish, "live", false},
		{publisher, ActionRead, "live/obs", false},
		{publisher, ActionList, "", true},
		{publisher, ActionAdmin, "", false},

		{User{Role: RoleAdmin, Streams: []string{"x"}}, ActionRead, "yard", true},
		{User{Role: RoleAdmin}, ActionPublish, "yard", true},
		{User{Role: RoleAdmin}, ActionList, "", true},
		{User{Role: RoleAdmin}, ActionAdmin, "", true},

		{User{}, ActionRead, "yard", false},
		{User{}, ActionList, "", false},
		{User{Role: "Admin"}, ActionAdmin, "", false},
		{User{Role: RoleViewer}, "delete", "yard", false},
	}
	for _, tt := range tests {
		err := tt.user.May(tt.action, tt.stream)
		if (err == nil) != tt.want || err != nil && !errors.Is(err, ErrForbidden) {
			t.Errorf("%s %q %v may %s %q: %v, want %v", tt.user.Role, tt.user.Name, tt.user.Streams, tt.action, tt.stream, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("a password in an error: %v", err)
		}
	}
}

func TestMatchName(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "yard", true},
		{"*", "live/yard/2", true},
		{"live/*", "live/yard/2", true},
		{"live/*/2", "live/yard/back/2", true},
		{"live?yard", "live/yard", true},
		{"live/yard", "live/yard", true},
		{"live/yard", "liveyyard", false},
		{"*/yard", "yard", false},
		{"*yard", "live/yard", true},
		{"front-[a-c]", "front-b", true},
		{"front-[a-c]", "front-d", false},
		{"front-[^a-c]", "front-d", true},
		{`a\*`, "ab", false},
		{"Yard", "yard", false},
		{"yard", "yard2", false},
		{"", "yard", false},
		{"", "", true},
		{"[", "[", false},
		{"yard[", "yard", false},
		{"[]a]", "a", false},
		{`yard\`, "yard", false},
		{strings.Repeat("*", 60) + "x", strings.Repeat("a", 200), false},
	}
	for _, tt := range tests {
		if got := MatchName(tt.pattern, tt.name); got != tt.want {
			t.Errorf("MatchName(%q, %q) is %v", tt.pattern, tt.name, got)
		}
	}
}

// No pattern makes MatchName panic, a name without wildcards matches itself only,
// and "*" before and behind matches whatever contains the rest.
func FuzzMatchName(f *testing.F) {
	f.Add("front-*", "front-door")
	f.Add("live/[a-", "live/a")
	f.Add("a\x00b", "a/b")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		MatchName(pattern, name)
		if ValidName(name) != nil {
			return
		}
		if !MatchName(name, name) || !MatchName("*"+name[len(name)/2:], name) || !MatchName(name[:len(name)/2]+"*", name) {
			t.Errorf("%q does not match itself", name)
		}
		if MatchName(name, name+"x") || MatchName(name+"x", name) {
			t.Errorf("%q matches more than itself", name)
		}
		if ValidName(pattern) == nil && MatchName(pattern, name) != (pattern == name) {
			t.Errorf("pattern %q without wildcards, name %q", pattern, name)
		}
	})
}

func TestCheck(t *testing.T) {
	users := Users{
		{Name: "admin", Password: "right", Role: RoleAdmin},
		{Name: "hashed", Verify: func(p string) bool { return p == "right" }, Role: RoleViewer},
		{Name: "both", Password: "wrong", Verify: func(p string) bool { return p == "right" }},
		{Name: "none", Role: RoleViewer},
	}
	tests := []struct {
		name, password string
		want           bool
	}{
		{"admin", "right", true},
		{"admin", "Right", false},
		{"admin", "righ", false},
		{"admin", "right ", false},
		{"admin", "", false},
		{"Admin", "right", false},
		{"hashed", "right", true},
		{"hashed", "", false},
		{"both", "right", true},
		{"both", "wrong", false},
		{"none", "", false}, // an account without a password lets nobody in
		{"none", "x", false},
		{"", "", false},
		{"nobody", "right", false},
	}
	for _, tt := range tests {
		u, err := users.Check(tt.name, tt.password)
		if tt.want && (err != nil || u.Name != tt.name) || !tt.want && (!errors.Is(err, ErrAuthFailed) || u.Name != "") {
			t.Errorf("Check(%q, %q): %q, %v; want %v", tt.name, tt.password, u.Name, err, tt.want)
		}
	}
	if _, err := (Users)(nil).Check("admin", ""); !errors.Is(err, ErrAuthFailed) {
		t.Errorf("no users: %v", err)
	}
}
