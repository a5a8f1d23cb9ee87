package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

var update = flag.Bool("update", false, "write golden files that are missing; never an existing one")

var noon = time.UnixMilli(1_800_000_000_000)

func keysOf(t testing.TB, k identity.NodeKey) *warrenv1.Statement {
	t.Helper()
	return identitytest.Keys(t, k, mesh(7), "a", 3, noon)
}

func endpointsOf(t testing.TB, k identity.NodeKey, addresses ...string) *warrenv1.Statement {
	t.Helper()
	var list []netip.AddrPort
	for _, a := range addresses {
		list = append(list, netip.MustParseAddrPort(a))
	}
	s, err := identity.SignEndpoints(k, mesh(7), list, 3, noon)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// raw is a statement whose payload is whatever the test needs.
func raw(t testing.TB, typ identity.Type, m proto.Message, keys ...ed25519.PrivateKey) *warrenv1.Statement {
	t.Helper()
	s, err := identity.Sign(typ, m, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpen(t *testing.T) {
	a, b := key(t, 1), key(t, 2)
	m := &warrenv1.Rejection{Mesh: []byte("m"), Time: 5}
	s := raw(t, identity.TypeRejection, m, a.Signer(), b.Signer())
	var got warrenv1.Rejection
	signers, err := identity.Open(s, identity.TypeRejection, &got)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(&got, m) {
		t.Errorf("got %v, want %v", &got, m)
	}
	if len(signers) != 2 || !signers.Has(a.Public()) || !signers.Has(b.Public()) || signers.Has(key(t, 3).Public()) {
		t.Errorf("signers are %x", signers)
	}
}

func TestSignRefuses(t *testing.T) {
	k := key(t, 1).Signer()
	for name, c := range map[string]struct {
		m    proto.Message
		keys []ed25519.PrivateKey
	}{
		"no key":        {&warrenv1.Rejection{}, nil},
		"17 keys":       {&warrenv1.Rejection{}, slices.Repeat([]ed25519.PrivateKey{k}, 17)},
		"too long":      {&warrenv1.Rejection{Mesh: make([]byte, identity.MaxPayload+1)}, []ed25519.PrivateKey{k}},
		"invalid UTF-8": {&warrenv1.Offer{Verb: "\xff"}, []ed25519.PrivateKey{k}},
	} {
		if s, err := identity.Sign(identity.TypeRejection, c.m, c.keys...); err == nil || s != nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	k := key(t, 1)
	good := func() *warrenv1.Statement {
		return raw(t, identity.TypeRejection, &warrenv1.Rejection{Time: 5}, k.Signer())
	}
	for name, spoil := range map[string]func(s *warrenv1.Statement) *warrenv1.Statement{
		"nil":           func(*warrenv1.Statement) *warrenv1.Statement { return nil },
		"empty":         func(*warrenv1.Statement) *warrenv1.Statement { return &warrenv1.Statement{} },
		"another type":  func(s *warrenv1.Statement) *warrenv1.Statement { s.Type = string(identity.TypeKeys); return s },
		"no signature":  func(s *warrenv1.Statement) *warrenv1.Statement { s.Signatures = nil; return s },
		"nil signature": func(s *warrenv1.Statement) *warrenv1.Statement { s.Signatures[0] = nil; return s },
		"short key": func(s *warrenv1.Statement) *warrenv1.Statement {
			s.Signatures[0].Key = s.Signatures[0].Key[1:]
			return s
		},
		"long signature": func(s *warrenv1.Statement) *warrenv1.Statement {
			s.Signatures[0].Signature = append(s.Signatures[0].Signature, 0)
			return s
		},
		"another key": func(s *warrenv1.Statement) *warrenv1.Statement { s.Signatures[0].Key = key(t, 2).Public(); return s },
		"the same key twice": func(s *warrenv1.Statement) *warrenv1.Statement {
			s.Signatures = append(s.Signatures, s.Signatures[0])
			return s
		},
		"one bad of two": func(s *warrenv1.Statement) *warrenv1.Statement {
			s.Signatures = append(s.Signatures, &warrenv1.Signature{Key: key(t, 2).Public(), Signature: s.Signatures[0].Signature})
			return s
		},
		"17 signatures": func(s *warrenv1.Statement) *warrenv1.Statement {
			s.Signatures = slices.Repeat(s.Signatures, 17)
			return s
		},
		"long payload": func(s *warrenv1.Statement) *warrenv1.Statement {
			s.Payload = make([]byte, identity.MaxPayload+1)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := spoil(good())
			if _, err := identity.Verify(s, identity.TypeRejection); !errors.Is(err, identity.ErrStatement) {
				t.Errorf("Verify: %v", err)
			}
			if _, err := identity.Open(s, identity.TypeRejection, &warrenv1.Rejection{}); !errors.Is(err, identity.ErrStatement) {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

// A signature made for one type must not count for another whose payload reads
// alike, and lengths must not slide into each other.
func TestTypesAreApart(t *testing.T) {
	k := key(t, 1)
	s := raw(t, identity.TypeRejection, &warrenv1.Rejection{Time: 5}, k.Signer())
	for _, typ := range []identity.Type{
		identity.TypeEntry, identity.TypeRevocation, identity.TypeKeys, identity.TypeEndpoints,
		identity.TypeInvite, identity.TypeClaim, identity.TypeOffer, identity.TypeAnswer,
	} {
		moved := proto.CloneOf(s)
		moved.Type = string(typ)
		if _, err := identity.Verify(moved, typ); err == nil {
			t.Errorf("a rejection passes as %s", typ)
		}
		if identity.HashOf(moved) == identity.HashOf(s) {
			t.Errorf("%s hashes like a rejection", typ)
		}
	}
}

// every gives s with each single bit of it flipped, one at a time.
func every(s *warrenv1.Statement, yield func(what string, flipped *warrenv1.Statement)) {
	fields := map[string]func(*warrenv1.Statement) []byte{"payload": (*warrenv1.Statement).GetPayload}
	for i := range s.GetSignatures() {
		fields[fmt.Sprint("key ", i)] = func(s *warrenv1.Statement) []byte { return s.GetSignatures()[i].GetKey() }
		fields[fmt.Sprint("signature ", i)] = func(s *warrenv1.Statement) []byte { return s.GetSignatures()[i].GetSignature() }
	}
	for what, field := range fields {
		for bit := range 8 * len(field(s)) {
			flipped := proto.CloneOf(s)
			field(flipped)[bit/8] ^= 1 << (bit % 8)
			yield(fmt.Sprintf("bit %d of %s", bit, what), flipped)
		}
	}
	for bit := range 7 * len(s.GetType()) {
		typ := []byte(s.GetType())
		typ[bit/7] ^= 1 << (bit % 7)
		flipped := proto.CloneOf(s)
		flipped.Type = string(typ)
		yield(fmt.Sprintf("bit %d of type", bit), flipped)
	}
}

func TestEveryBitCounts(t *testing.T) {
	k := key(t, 1)
	for _, c := range []struct {
		s    *warrenv1.Statement
		open func(*warrenv1.Statement) error
	}{
		{keysOf(t, k), func(s *warrenv1.Statement) error { _, err := identity.OpenKeys(s, mesh(7)); return err }},
		{endpointsOf(t, k, "192.0.2.1:41820", "[2001:db8::1]:41820"), func(s *warrenv1.Statement) error {
			_, err := identity.OpenEndpoints(s, mesh(7))
			return err
		}},
	} {
		if err := c.open(c.s); err != nil {
			t.Fatal(err)
		}
		n := 0
		every(c.s, func(what string, flipped *warrenv1.Statement) {
			n++
			if c.open(flipped) == nil {
				t.Errorf("%s: %s flipped passes", c.s.GetType(), what)
			}
		})
		if n < 1000 {
			t.Errorf("only %d bits tried", n)
		}
	}
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	k := key(t, 1).Signer()
	extra := protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1)
	spoil := func(m proto.Message) { m.ProtoReflect().SetUnknown(extra) }

	top := &warrenv1.Entry{Sequence: 1}
	spoil(top)
	one := &warrenv1.DeviceRecord{Name: "d"}
	spoil(one)
	deep := &warrenv1.Signature{}
	spoil(deep)
	for name, m := range map[string]proto.Message{
		"at the top":  top,
		"in the body": &warrenv1.Entry{Body: &warrenv1.Entry_Device{Device: one}},
		"in a list":   &warrenv1.Statement{Signatures: []*warrenv1.Signature{{}, deep, {}}},
		"three levels in": &warrenv1.Entry{Body: &warrenv1.Entry_Admission{Admission: &warrenv1.Admission{
			Claim: &warrenv1.Statement{Signatures: []*warrenv1.Signature{deep}},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			into := m.ProtoReflect().New().Interface()
			if _, err := identity.Open(raw(t, identity.TypeEntry, m, k), identity.TypeEntry, into); !errors.Is(err, identity.ErrStatement) {
				t.Errorf("Open = %v", err)
			}
		})
	}
	known := &warrenv1.Claim{Facts: map[string]string{"os": "linux"}, Keys: &warrenv1.Statement{Signatures: []*warrenv1.Signature{{}}}}
	if _, err := identity.Open(raw(t, identity.TypeClaim, known, k), identity.TypeClaim, &warrenv1.Claim{}); err != nil {
		t.Errorf("a claim with maps, lists and messages: %v", err)
	}
}

func TestDecode(t *testing.T) {
	s := raw(t, identity.TypeRejection, &warrenv1.Rejection{Time: 5}, key(t, 1).Signer())
	s.Signatures = nil
	var m warrenv1.Rejection
	if err := identity.Decode(s, identity.TypeRejection, &m); err != nil || m.GetTime() != 5 {
		t.Errorf("Decode = %v, %v", &m, err)
	}
	for name, s := range map[string]*warrenv1.Statement{
		"nil":          nil,
		"another type": {Type: string(identity.TypeKeys)},
		"too long":     {Type: string(identity.TypeRejection), Payload: make([]byte, identity.MaxPayload+1)},
		"no protobuf":  {Type: string(identity.TypeRejection), Payload: []byte{0xff}},
	} {
		if err := identity.Decode(s, identity.TypeRejection, &m); !errors.Is(err, identity.ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := &warrenv1.Statement{Type: string(identity.TypeRejection), Payload: []byte{0xff}}
	signed := raw(t, identity.TypeRejection, &warrenv1.Rejection{}, key(t, 1).Signer())
	signed.Payload = bad.GetPayload()
	if _, err := identity.Open(signed, identity.TypeRejection, &m); err == nil {
		t.Error("a payload that is no protobuf passes")
	}
}

// Adding a signature must not rename a statement.
func TestHashIsOfThePayload(t *testing.T) {
	a := raw(t, identity.TypeRejection, &warrenv1.Rejection{Time: 5}, key(t, 1).Signer())
	b := raw(t, identity.TypeRejection, &warrenv1.Rejection{Time: 5}, key(t, 1).Signer(), key(t, 2).Signer())
	c := raw(t, identity.TypeRejection, &warrenv1.Rejection{Time: 6}, key(t, 1).Signer())
	if identity.HashOf(a) != identity.HashOf(b) || identity.HashOf(a) == identity.HashOf(c) {
		t.Error("the hash is not of type and payload")
	}
}

// The bytes in testdata were written once and have to be read for ever.
func TestGolden(t *testing.T) {
	k := key(t, 1)
	for name, s := range map[string]*warrenv1.Statement{
		"keys": keysOf(t, k), "endpoints": endpointsOf(t, k, "192.0.2.1:41820", "[2001:db8::1]:41820"),
	} {
		path := filepath.Join("testdata", name+".statement")
		if _, err := os.Stat(path); *update && err != nil {
			b, _ := proto.Marshal(s)
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var old warrenv1.Statement
		if err := proto.Unmarshal(b, &old); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "keys":
			got, err := identity.OpenKeys(&old, mesh(7))
			if err != nil || got.Node != k.ID() || got.WireGuard != identitytest.Public(t, "wireguard a") || got.Disco != identitytest.Public(t, "disco a") || got.Counter != 3 {
				t.Errorf("old keys = %+v, %v", got, err)
			}
		case "endpoints":
			got, err := identity.OpenEndpoints(&old, mesh(7))
			if err != nil || got.Node != k.ID() || len(got.Addresses) != 2 || got.Addresses[1].String() != "[2001:db8::1]:41820" || !got.Time.Equal(noon) {
				t.Errorf("old endpoints = %+v, %v", got, err)
			}
		}
		if !bytes.Equal(s.GetPayload(), old.GetPayload()) {
			t.Errorf("%s: today's bytes differ from the old ones", name)
		}
	}
}
