package identity

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha512"
	"crypto/subtle"
	"errors"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// Signatures by X25519 keys are XEdDSA's (T. Perrin, "The XEdDSA and VXEdDSA
// Signature Schemes", revision 1, sections 2.3 and 3): an Ed25519 signature
// by the point of Edwards form that is birationally equivalent to the
// Montgomery key and has sign bit 0.
//
// The nonce is made of the private key and the message alone, as RFC 8032
// makes it, with nothing where the paper puts 64 random bytes: what is signed
// twice has the same bytes, and no random source can leak the key.

// signX signs message with an X25519 key.
func signX(key *ecdh.PrivateKey, message []byte) ([]byte, error) {
	k, err := edwards25519.NewScalar().SetBytesWithClamping(key.Bytes())
	if err != nil {
		return nil, err
	}
	point := new(edwards25519.Point).ScalarBaseMult(k).Bytes()
	sign := int(point[31] >> 7)
	point[31] &= 0x7f
	secret := k.Bytes()
	subtle.ConstantTimeCopy(sign, secret, edwards25519.NewScalar().Negate(k).Bytes())
	a, err := edwards25519.NewScalar().SetCanonicalBytes(secret)
	if err != nil {
		return nil, err
	}
	// 2^256 - 2 encodes no point: the nonce's hash is never the challenge's
	// (hash_1 of the paper).
	prefix := append([]byte{0xfe}, bytes.Repeat([]byte{0xff}, 31)...)
	r, err := hashToScalar(prefix, secret, message)
	if err != nil {
		return nil, err
	}
	out := new(edwards25519.Point).ScalarBaseMult(r).Bytes()
	h, err := hashToScalar(out, point, message)
	if err != nil {
		return nil, err
	}
	return append(out, edwards25519.NewScalar().MultiplyAdd(h, a, r).Bytes()...), nil
}

// verifyX reports whether sig is what the holder of the private half of an
// X25519 public key signed message with.
func verifyX(public [32]byte, message, sig []byte) bool {
	point, err := edwardsOf(public)
	return err == nil && len(sig) == ed25519.SignatureSize && ed25519.Verify(point, message, sig)
}

var errNoKey = errors.New("no X25519 public key that can sign")

// edwardsOf is the Ed25519 public key with sign bit 0 that belongs to an
// X25519 public key. Refused are other encodings of the same number, points on
// the twist, and points of small order: for those a signature proves nothing.
func edwardsOf(public [32]byte) (ed25519.PublicKey, error) {
	u, err := new(field.Element).SetBytes(public[:])
	if err != nil {
		return nil, err
	}
	one := new(field.Element).One()
	below := new(field.Element).Add(u, one)
	if !bytes.Equal(u.Bytes(), public[:]) || below.Equal(new(field.Element).Zero()) == 1 {
		return nil, errNoKey
	}
	y := new(field.Element).Multiply(new(field.Element).Subtract(u, one), below.Invert(below)).Bytes()
	point, err := new(edwards25519.Point).SetBytes(y)
	if err != nil {
		return nil, errors.Join(errNoKey, err)
	}
	if new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return nil, errNoKey
	}
	return y, nil
}

func hashToScalar(parts ...[]byte) (*edwards25519.Scalar, error) {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return edwards25519.NewScalar().SetUniformBytes(h.Sum(nil))
}
