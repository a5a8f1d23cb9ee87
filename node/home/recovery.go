package home

import (
	"crypto/ed25519"
	"encoding/base32"
	"strings"

	"warren/node/fault"
)

// ReadRecoveryKey finds the key in the text that init wrote.
func ReadRecoveryKey(text []byte) (ed25519.PrivateKey, error) {
	for line := range strings.Lines(string(text)) {
		line = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(line), "-", ""))
		seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(line)
		if err == nil && len(seed) == ed25519.SeedSize {
			return ed25519.NewKeyFromSeed(seed), nil
		}
	}
	return nil, fault.New(fault.Invalid, "this holds no recovery key").Try("the line of groups of four characters that warren init wrote")
}
