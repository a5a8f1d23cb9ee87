package invite

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// SecretSize is the length of a secret in bytes: 160 bits.
const SecretSize = 20

// Secret is what a link's holder knows and nobody else. It never travels: it
// prints as "redacted", and only a Link's String writes it.
type Secret [SecretSize]byte

const redacted = "redacted"

// NewSecret draws a secret from random, which is crypto/rand.Reader outside
// tests.
func NewSecret(random io.Reader) (Secret, error) {
	var s Secret
	if _, err := io.ReadFull(random, s[:]); err != nil {
		return Secret{}, fmt.Errorf("draw an invite secret: %w", err)
	}
	return s, nil
}

// Format keeps every verb of fmt from printing the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps slog from printing the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps encoders from writing the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Key is the invite key of a secret: Ed25519 from the first 32 bytes of
// HKDF-SHA256 (RFC 5869) with no salt. Its public half stands in the Invite.
func Key(s Secret) ed25519.PrivateKey {
	seed, err := hkdf.Key(sha256.New, s[:], nil, "warren/invite-key/v1", ed25519.SeedSize)
	if err != nil {
		panic(err) // only a length over 255 hashes is refused
	}
	return ed25519.NewKeyFromSeed(seed)
}
