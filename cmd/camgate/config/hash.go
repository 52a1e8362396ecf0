package config

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a new hash: OWASP's choice for argon2id, some 40 ms of a core.
const (
	hashMemory  = 19 << 10 // KiB
	hashTime    = 2
	hashThreads = 1
	hashKey     = 32 // bytes
	hashSalt    = 16
)

// The bounds of a hash that somebody else made: what one login may cost.
const (
	maxHashMemory = 256 << 10
	maxHashTime   = 16
)

var errHash = errors.New(`no argon2id hash: "camgate user add NAME --hash" prints one`)

type passwordHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// HashPassword returns the argon2id hash of a password in the PHC string format.
func HashPassword(password string) string {
	salt := make([]byte, hashSalt)
	rand.Read(salt) // it never fails
	key := argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashThreads, hashKey)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads, b64(salt), b64(key))
}

// PasswordVerifier returns a function that compares passwords with the hash.
func PasswordVerifier(hash string) (func(password string) bool, error) {
	h, err := parseHash(hash)
	if err != nil {
		return nil, err
	}
	return func(password string) bool {
		key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
		return subtle.ConstantTimeCompare(key, h.key) == 1
	}, nil
}

func parseHash(text string) (h passwordHash, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, errHash
	}
	version := 0
	if n, err := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || err != nil || version != argon2.Version {
		return h, errHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); n != 3 || err != nil {
		return h, errHash
	}
	if h.memory < 8*uint32(h.threads) || h.memory > maxHashMemory || h.time < 1 || h.time > maxHashTime || h.threads < 1 {
		return h, fmt.Errorf("its cost is out of bounds: at most m=%d (KiB), t=%d", maxHashMemory, maxHashTime)
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return h, errHash
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return h, errHash
	}
	return h, nil
}
