package identity

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"testing"

	"filippo.io/edwards25519"
)

func x25519(t testing.TB, private []byte) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public32(k *ecdh.PrivateKey) [32]byte { return [32]byte(k.PublicKey().Bytes()) }

// Made by a second implementation of the paper, in big integers; the last two
// keys are those whose point has to be negated.
func TestXVectors(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, v := range []struct {
		private           byte // 32 times
		message           []byte
		public, signature string
	}{
		{
			1, []byte("a"), "a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209",
			"78a0dac6362e376d21a06dc017a106d93cd649a6f1eb6b3a4612d09103b6703c" +
				"11af6547be3aee2c14103050d601838180d6e89973b8b8cabd21b7cfe29adb0b",
		},
		{
			2, []byte("a"), "ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59",
			"5616d8eb87640698349c10d932b3735581de04f039d4efcc71fcc0cdeddb3bed" +
				"79742dc4b00cbe113bbc7e45f176b9ed468b1d635c5fe55532db573e2565f004",
		},
		{
			3, []byte("a"), "5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22",
			"7ad3a28eca385a5d66cac0970e0e152248ced55a3df93505157a25f0e79c9979" +
				"7dbfa6482073f9ce06699ade405ce8b0f90bc69d7ca4f55c1154ed5b1a0da203",
		},
		{
			255, all, "847c0d2c375234f365e660955187a3735a0f7613d1609d3a6a4d8c53aeaa5a22",
			"6f2d7b487d65a42c6fb3a696f030002aeb8a28b0ddd596eff1a1ac38ee89c6b7" +
				"68ae16c9e983ad1a9a9b787d86aae48f53247db1532fd098333368741908ea0d",
		},
	} {
		key := x25519(t, bytes.Repeat([]byte{v.private}, 32))
		sig, err := signX(key, v.message)
		if err != nil || hex.EncodeToString(sig) != v.signature || hex.EncodeToString(key.PublicKey().Bytes()) != v.public {
			t.Errorf("key %d: public %x, signature %x, %v", v.private, key.PublicKey().Bytes(), sig, err)
		}
		if !verifyX(public32(key), v.message, sig) {
			t.Errorf("key %d: refused", v.private)
		}
	}
}

// The two forms of a key agree with the library's own conversion, and what an
// Ed25519 key with sign bit 0 signs is good for its Montgomery form: that is
// how the scheme is defined, and crypto/ed25519 knows nothing of it.
func TestXAgreesWithEd25519(t *testing.T) {
	even := 0
	for i := range 300 {
		seed := sha256.Sum256([]byte(fmt.Sprint("seed ", i)))
		signer := ed25519.NewKeyFromSeed(seed[:])
		public, _ := signer.Public().(ed25519.PublicKey)
		point, err := new(edwards25519.Point).SetBytes(public)
		if err != nil {
			t.Fatal(err)
		}
		hashed := sha512.Sum512(seed[:])
		key := x25519(t, hashed[:32])
		if !bytes.Equal(point.BytesMontgomery(), key.PublicKey().Bytes()) {
			t.Fatalf("seed %d: two Montgomery forms", i)
		}
		message := fmt.Appendf(nil, "message %d", i)
		sig, err := signX(key, message)
		if err != nil {
			t.Fatal(err)
		}
		if !verifyX(public32(key), message, sig) {
			t.Fatalf("seed %d: own signature refused", i)
		}
		flat := bytes.Clone(public)
		flat[31] &= 0x7f
		if got, err := edwardsOf(public32(key)); err != nil || !bytes.Equal(got, flat) {
			t.Fatalf("seed %d: Edwards form %x, %v; want %x", i, got, err, flat)
		}
		isEven := public[31]>>7 == 0
		if isEven {
			even++
		}
		if verifyX(public32(key), message, ed25519.Sign(signer, message)) != isEven {
			t.Errorf("seed %d: an Ed25519 signature of sign bit 0 is %t good", i, isEven)
		}
		if ed25519.Verify(public, message, sig) != isEven {
			t.Errorf("seed %d: verified as Ed25519 with the sign bit kept", i)
		}
	}
	if even < 100 || even > 200 {
		t.Errorf("%d of 300 keys have sign bit 0: the other kind was not tried", even)
	}
}

func TestXRefuses(t *testing.T) {
	private := make([]byte, 32)
	for range 20 {
		if _, err := rand.Read(private); err != nil {
			t.Fatal(err)
		}
		key, message := x25519(t, private), []byte("the statement")
		sig, err := signX(key, message)
		if err != nil {
			t.Fatal(err)
		}
		public := public32(key)
		for bit := range 8 * len(sig) {
			bad := bytes.Clone(sig)
			bad[bit/8] ^= 1 << (bit % 8)
			if verifyX(public, message, bad) {
				t.Errorf("key %x: bit %d of the signature does not count", private, bit)
			}
		}
		for bit := range 8 * len(public) {
			other := public
			other[bit/8] ^= 1 << (bit % 8)
			if verifyX(other, message, sig) {
				t.Errorf("key %x: bit %d of the key does not count", private, bit)
			}
		}
		for bit := range 8 * len(message) {
			other := bytes.Clone(message)
			other[bit/8] ^= 1 << (bit % 8)
			if verifyX(public, other, sig) {
				t.Errorf("key %x: bit %d of the message does not count", private, bit)
			}
		}
		for _, bad := range [][]byte{nil, sig[:63], append(bytes.Clone(sig), 0)} {
			if verifyX(public, message, bad) {
				t.Errorf("key %x: %d bytes taken", private, len(bad))
			}
		}
	}
}

// For a point of small order, or another encoding of a number, a signature
// proves nothing: everybody can make one, or X25519 takes two keys for one.
func TestXKeysThatCannotSign(t *testing.T) {
	le := func(text string) (out [32]byte) {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != 32 {
			t.Fatal(text, err)
		}
		return [32]byte(b)
	}
	honest := public32(x25519(t, bytes.Repeat([]byte{1}, 32)))
	high := honest
	high[31] |= 0x80
	for name, key := range map[string][32]byte{
		"zero":                {},
		"one":                 {1},
		"order eight, first":  le("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
		"order eight, second": le("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
		"minus one":           le("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"the prime":           le("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"the prime and one":   le("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"the prime and nine":  le("f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"the high bit":        high,
		"on the twist":        {2},
		"all ones":            [32]byte(bytes.Repeat([]byte{0xff}, 32)),
	} {
		if got, err := edwardsOf(key); err == nil {
			t.Errorf("%s: point %x", name, got)
		}
		// R and s of 0 and the identity verify for small-order points in careless
		// verifiers.
		if verifyX(key, nil, append([]byte{1}, make([]byte, 63)...)) {
			t.Errorf("%s: a made-up signature passes", name)
		}
	}
	if _, err := edwardsOf(honest); err != nil {
		t.Errorf("an honest key: %v", err)
	}
}

func BenchmarkVerifyX(b *testing.B) {
	key := x25519(b, bytes.Repeat([]byte{1}, 32))
	sig, _ := signX(key, []byte("m"))
	public := public32(key)
	for b.Loop() {
		if !verifyX(public, []byte("m"), sig) {
			b.Fatal()
		}
	}
}
