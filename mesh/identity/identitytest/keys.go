package identitytest

import (
	"crypto/ecdh"
	"crypto/sha256"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// X25519 is the tunnel key that follows from a word.
func X25519(t testing.TB, word string) *ecdh.PrivateKey {
	t.Helper()
	seed := sha256.Sum256([]byte(word))
	k, err := ecdh.X25519().NewPrivateKey(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Public is the public half of X25519.
func Public(t testing.TB, word string) [32]byte {
	t.Helper()
	return [32]byte(X25519(t, word).PublicKey().Bytes())
}

// Keys is node's key statement with the keys X25519 gives for "wireguard
// WORD" and "disco WORD".
func Keys(t testing.TB, node identity.NodeKey, mesh identity.MeshID, word string, counter uint64, now time.Time) *warrenv1.Statement {
	t.Helper()
	s, err := identity.SignKeys(node, mesh, X25519(t, "wireguard "+word), X25519(t, "disco "+word), counter, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
