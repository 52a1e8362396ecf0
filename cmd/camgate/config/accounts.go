package config

import (
	"fmt"

	"github.com/camgate/camgate"
)

// Accounts returns the users as the gateway checks them.
func (c *Config) Accounts() (camgate.Users, error) {
	var out camgate.Users
	for _, u := range c.Users {
		account := camgate.User{Name: u.Name, Password: string(u.Password), Role: camgate.Role(u.Role), Streams: u.Streams}
		if u.PasswordHash != "" {
			verify, err := PasswordVerifier(string(u.PasswordHash))
			if err != nil {
				return nil, fmt.Errorf("user %q: %w", u.Name, err)
			}
			account.Verify = verify
		}
		out = append(out, account)
	}
	return out, nil
}
