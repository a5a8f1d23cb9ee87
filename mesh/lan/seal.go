package lan

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Bounds of a call.
const (
	// MaxDatagram passes every link without fragments.
	MaxDatagram   = 1200
	maxStatements = 4
	callerSize    = 8

	overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

// errCall is what every refusal of a datagram wraps.
var errCall = errors.New("call not acceptable")

// sealer hides calls from who does not know the mesh. XChaCha20-Poly1305
// (draft-irtf-cfrg-xchacha) has nonces long enough to be drawn by many
// machines under one key.
type sealer struct{ aead cipher.AEAD }

func newSealer(mesh identity.MeshID) (sealer, error) {
	key, err := hkdf.Key(sha256.New, mesh[:], nil, "warren lan v1", chacha20poly1305.KeySize)
	if err != nil {
		return sealer{}, fmt.Errorf("derive key: %w", err)
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return sealer{}, fmt.Errorf("derive key: %w", err)
	}
	return sealer{aead}, nil
}

// seal gives the datagram of a call, if it fits into one.
func (s sealer) seal(c *warrenv1.Call) ([]byte, error) {
	text, err := proto.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode call: %w", err)
	}
	if n := len(text) + overhead; n > MaxDatagram {
		return nil, fmt.Errorf("%d bytes are over %d: %w", n, MaxDatagram, errCall)
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX, MaxDatagram)
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, text, nil), nil
}

// open gives the call in a datagram.
func (s sealer) open(datagram []byte) (*warrenv1.Call, error) {
	if n := len(datagram); n > MaxDatagram || n < overhead {
		return nil, fmt.Errorf("%d bytes: %w", n, errCall)
	}
	nonce, sealed := datagram[:chacha20poly1305.NonceSizeX], datagram[chacha20poly1305.NonceSizeX:]
	text, err := s.aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("does not open: %w", errCall)
	}
	return decode(text)
}

// decode reads a call. Whoever ever knew the mesh's id can have written it.
func decode(text []byte) (*warrenv1.Call, error) {
	if len(text) > MaxDatagram {
		return nil, fmt.Errorf("%d bytes: %w", len(text), errCall)
	}
	c := &warrenv1.Call{}
	if err := (proto.UnmarshalOptions{RecursionLimit: 16}).Unmarshal(text, c); err != nil {
		return nil, errors.Join(errCall, err)
	}
	if len(c.GetCaller()) != callerSize || len(c.GetStatements()) > maxStatements {
		return nil, fmt.Errorf("caller of %d bytes, %d statements: %w", len(c.GetCaller()), len(c.GetStatements()), errCall)
	}
	return c, nil
}
