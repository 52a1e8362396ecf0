package config

import (
	"fmt"

	"github.com/camgate/camgate"
)

// maxVerifications is how many passwords are hashed at a time: each takes memory and
// a core, and whoever can connect can ask for it.
const maxVerifications = 4

// Accounts returns the users as the gateway checks them.
func (c *Config) Accounts() (camgate.Users, error) {
	var out camgate.Users
	slots := make(chan struct{}, maxVerifications)
	for _, u := range c.Users {
		account := camgate.User{Name: u.Name, Password: string(u.Password), Role: camgate.Role(u.Role), Talk: u.Talk, Streams: u.Streams}
		if u.PasswordHash != "" {
			verify, err := PasswordVerifier(string(u.PasswordHash))
			if err != nil {
				return nil, fmt.Errorf("user %q: %w", u.Name, err)
			}
			account.Verify = func(password string) bool {
				slots <- struct{}{}
				defer func() { <-slots }()
				return verify(password)
			}
		}
		out = append(out, account)
	}
	return out, nil
}
