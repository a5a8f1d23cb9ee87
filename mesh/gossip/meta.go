package gossip

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"warren/mesh/identity"
)

// Bounds of what a member says of itself.
const (
	// MaxMeta is memberlist's own limit, in bytes. Ours has 189.
	MaxMeta = 512
)

const (
	metaFormat = 1
	// metaDomain keeps the signature from being worth anything elsewhere.
	metaDomain = "warren/gossip-meta/v1\n"
	metaFixed  = 1 + ed25519.PublicKeySize + 8 + 4 + 2 + 8 + 32 + 8 + 4 + 16 + 2 + 8
)

var errMeta = errors.New("meta not acceptable")

// Roles are what a member's record makes it, as bits.
type Roles uint16

// The roles of the trust log.
const (
	Controller Roles = 1 << iota
	Gateway
	Technician
	Device
	Rendezvous
)

// Head is the end of a trust log.
type Head struct {
	Hash    [32]byte
	Entries uint64
}

// Told is what a member says of itself: true or not, it is only a reason to
// ask.
type Told struct {
	Roles Roles
	Head  Head
	// Policy is the revision of the policy text the member holds.
	Policy uint64
	// Revoked counts the revocations the member holds, and Revocations is a
	// digest of them.
	Revoked     uint32
	Revocations [16]byte
	// Peers is how many members it may meet, and Facts a digest of the key and
	// endpoint statements it held, when it spoke; both may be minutes old.
	Peers uint16
	Facts [8]byte
}

// meta is Told as it travels: signed by the member, so that nobody else says
// it, with a counter, so that it is not said again later, and with the highest
// incarnation it is good for, so that nobody can push memberlist's numbers for
// the member to where its own word is not heard any more.
//
//	format key counter ceiling roles entries head policy revoked
//	revocations peers facts [later fields] signature
type meta struct {
	Told
	node    identity.NodeID
	counter uint64
	ceiling uint32
}

// seal encodes and signs m.
func seal(key identity.NodeKey, mesh identity.MeshID, m meta) []byte {
	b := make([]byte, 0, metaFixed+ed25519.SignatureSize)
	b = append(b, metaFormat)
	b = append(b, key.Public()...)
	b = binary.BigEndian.AppendUint64(b, m.counter)
	b = binary.BigEndian.AppendUint32(b, m.ceiling)
	b = binary.BigEndian.AppendUint16(b, uint16(m.Roles))
	b = binary.BigEndian.AppendUint64(b, m.Head.Entries)
	b = append(b, m.Head.Hash[:]...)
	b = binary.BigEndian.AppendUint64(b, m.Policy)
	b = binary.BigEndian.AppendUint32(b, m.Revoked)
	b = append(b, m.Revocations[:]...)
	b = binary.BigEndian.AppendUint16(b, m.Peers)
	b = append(b, m.Facts[:]...)
	return append(b, ed25519.Sign(key.Signer(), signedMeta(mesh, b))...)
}

func signedMeta(mesh identity.MeshID, body []byte) []byte {
	return bytes.Join([][]byte{[]byte(metaDomain), mesh[:], body}, nil)
}

// openMeta decodes b and checks that the node it speaks of signed it for mesh.
// What a later version appends is passed over.
func openMeta(mesh identity.MeshID, b []byte) (meta, error) {
	m, key, err := decodeMeta(b)
	if err != nil {
		return meta{}, err
	}
	body, signature := b[:len(b)-ed25519.SignatureSize], b[len(b)-ed25519.SignatureSize:]
	if !ed25519.Verify(key, signedMeta(mesh, body), signature) {
		return meta{}, fmt.Errorf("bad signature: %w", errMeta)
	}
	return m, nil
}

// decodeMeta reads b and believes nothing of it.
func decodeMeta(b []byte) (meta, ed25519.PublicKey, error) {
	if len(b) > MaxMeta || len(b) < metaFixed+ed25519.SignatureSize {
		return meta{}, nil, fmt.Errorf("%d bytes: %w", len(b), errMeta)
	}
	if b[0] != metaFormat {
		return meta{}, nil, fmt.Errorf("format %d: %w", b[0], errMeta)
	}
	at := b[1:]
	next := func(n int) []byte {
		out := at[:n]
		at = at[n:]
		return out
	}
	var m meta
	key := ed25519.PublicKey(bytes.Clone(next(ed25519.PublicKeySize)))
	m.node = identity.NodeIDOf(key)
	m.counter = binary.BigEndian.Uint64(next(8))
	m.ceiling = binary.BigEndian.Uint32(next(4))
	m.Roles = Roles(binary.BigEndian.Uint16(next(2)))
	m.Head.Entries = binary.BigEndian.Uint64(next(8))
	copy(m.Head.Hash[:], next(32))
	m.Policy = binary.BigEndian.Uint64(next(8))
	m.Revoked = binary.BigEndian.Uint32(next(4))
	copy(m.Revocations[:], next(16))
	m.Peers = binary.BigEndian.Uint16(next(2))
	copy(m.Facts[:], next(8))
	return m, key, nil
}
