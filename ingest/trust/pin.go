package trust

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Pin is the SHA-256 of a certificate, or of its public key
// (SubjectPublicKeyInfo, RFC 7469 section 2.4).
type Pin [sha256.Size]byte

// String writes a pin as ParsePin, and other tools, read it: AA:BB:CC...
func (p Pin) String() string {
	return strings.ReplaceAll(fmt.Sprintf("% X", p[:]), " ", ":")
}

// MarshalText is String.
func (p Pin) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePin.
func (p *Pin) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePin(string(text))
	return err
}

// ParsePin reads a SHA-256 as people find it: 64 hexadecimal digits with or without
// colons, also behind "sha256:" or what openssl writes before it, or base64 behind
// "sha256/" or, as curl has it, "sha256//". Its error does not repeat the text.
func ParsePin(text string) (Pin, error) {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	if strings.HasPrefix(lower, "sha256/") {
		encoded := strings.TrimPrefix(text[len("sha256/"):], "/")
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
		if err != nil || len(raw) != len(Pin{}) {
			return Pin{}, errors.New("what follows sha256/ is not the base64 of a SHA-256: those are 44 characters, the last one a =")
		}
		return Pin(raw), nil
	}
	for _, prefix := range [...]string{"sha256 fingerprint=", "sha256:"} {
		lower = strings.TrimPrefix(lower, prefix)
	}
	digits := strings.ReplaceAll(lower, ":", "")
	raw, err := hex.DecodeString(digits)
	switch {
	case len(raw) == len(Pin{}) && err == nil:
		return Pin(raw), nil
	case strings.Trim(digits, "0123456789abcdef") != "":
		return Pin{}, fmt.Errorf("a fingerprint is %s: there are other characters in it", pinForms)
	case len(digits) == 40:
		return Pin{}, fmt.Errorf("that is a SHA-1, which can be forged: a fingerprint is %s", pinForms)
	case len(digits) == 32:
		return Pin{}, fmt.Errorf("that is an MD5, which can be forged: a fingerprint is %s", pinForms)
	}
	return Pin{}, fmt.Errorf("a fingerprint is %s: it has %d", pinForms, len(digits))
}

const pinForms = "a SHA-256: 64 hexadecimal digits, with or without colons, or sha256/BASE64"
