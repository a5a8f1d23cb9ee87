package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
)

// NodeID names a machine: the first 16 bytes of
// SHA-256("warren/node/v1" || Ed25519 public key). Whoever holds the key can
// prove the name, and nobody hands names out.
type NodeID [16]byte

// MinNodePrefix is how many characters of a NodeID people must type at least.
const MinNodePrefix = 8

// NodeIDOf derives the NodeID of a 32-byte Ed25519 public key.
func NodeIDOf(pub ed25519.PublicKey) NodeID {
	h := sha256.New()
	h.Write([]byte("warren/node/v1"))
	h.Write(pub)
	var id NodeID
	copy(id[:], h.Sum(nil))
	return id
}

// ParseNodeID reads the 32 hexadecimal characters that String writes.
func ParseNodeID(s string) (NodeID, error) {
	var id NodeID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("node id %q: want %d hexadecimal characters", s, 2*len(id))
	}
	copy(id[:], b)
	return id, nil
}

// String gives 32 lower-case hexadecimal characters.
func (id NodeID) String() string { return hex.EncodeToString(id[:]) }

// Short is what lists and logs show: the first eight characters.
func (id NodeID) Short() string { return id.String()[:MinNodePrefix] }

// IsZero tells that no node is named.
func (id NodeID) IsZero() bool { return id == NodeID{} }

// HasPrefix reports whether s, of MinNodePrefix characters or more, begins id.
func (id NodeID) HasPrefix(s string) bool {
	return len(s) >= MinNodePrefix && strings.HasPrefix(id.String(), strings.ToLower(s))
}

// MeshID is the hash of a mesh's genesis entry: 32 bytes that invites pin and
// that every signed statement names.
type MeshID [32]byte

// ParseMeshID reads the 64 hexadecimal characters that String writes.
func ParseMeshID(s string) (MeshID, error) {
	var id MeshID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("mesh id %q: want %d hexadecimal characters", s, 2*len(id))
	}
	copy(id[:], b)
	return id, nil
}

// String gives 64 lower-case hexadecimal characters.
func (m MeshID) String() string { return hex.EncodeToString(m[:]) }

// IsZero tells that no mesh is named.
func (m MeshID) IsZero() bool { return m == MeshID{} }

// Prefix is the mesh's own IPv6 /48 out of fd00::/8 (RFC 4193), taken from
// the mesh id.
func (m MeshID) Prefix() netip.Prefix {
	h := sha256.New()
	h.Write([]byte("warren/ula/v1"))
	h.Write(m[:])
	sum := h.Sum(nil)
	var a [16]byte
	a[0] = 0xfd
	copy(a[1:6], sum)
	return netip.PrefixFrom(netip.AddrFrom16(a), 48)
}

// Address is node id's overlay IPv6 address in mesh m: the mesh's /48 and the
// first 80 bits of the NodeID, so that an address proves itself.
func (m MeshID) Address(id NodeID) netip.Addr {
	a := m.Prefix().Addr().As16()
	copy(a[6:], id[:10])
	return netip.AddrFrom16(a)
}

// NodeKey is a machine's Ed25519 identity. It is made on the machine and
// never leaves it.
type NodeKey struct{ private ed25519.PrivateKey }

// NewNodeKey makes a key from the system's random source.
func NewNodeKey() (NodeKey, error) {
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return NodeKey{}, fmt.Errorf("make node key: %w", err)
	}
	return NodeKey{priv}, nil
}

// NodeKeyFromSeed restores the key that Seed gave. A seed is 32 bytes.
func NodeKeyFromSeed(seed []byte) (NodeKey, error) {
	if len(seed) != ed25519.SeedSize {
		return NodeKey{}, errors.New("node key: want a seed of 32 bytes")
	}
	return NodeKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// Seed is the secret to store.
func (k NodeKey) Seed() []byte { return k.private.Seed() }

// Public is the 32-byte public key.
func (k NodeKey) Public() ed25519.PublicKey {
	pub, _ := k.private.Public().(ed25519.PublicKey)
	return pub
}

// ID is the NodeID of the key.
func (k NodeKey) ID() NodeID { return NodeIDOf(k.Public()) }

// Signer is the key in the form TLS and Sign take.
func (k NodeKey) Signer() ed25519.PrivateKey { return k.private }

// IsZero tells that there is no key.
func (k NodeKey) IsZero() bool { return k.private == nil }

// Format keeps every verb of fmt from printing the key; it shows whose it is.
func (k NodeKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.describe()) }

// LogValue keeps slog from printing the key.
func (k NodeKey) LogValue() slog.Value { return slog.StringValue(k.describe()) }

func (k NodeKey) describe() string {
	if k.IsZero() {
		return "no node key"
	}
	return "key of node " + k.ID().Short()
}
