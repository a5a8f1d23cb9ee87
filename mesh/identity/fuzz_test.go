package identity_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// messages are the payloads of all types of statement.
func messages() map[identity.Type]proto.Message {
	return map[identity.Type]proto.Message{
		identity.TypeEntry: &warrenv1.Entry{}, identity.TypeRevocation: &warrenv1.Revocation{}, identity.TypeKeys: &warrenv1.Keys{},
		identity.TypeEndpoints: &warrenv1.Endpoints{}, identity.TypeInvite: &warrenv1.Invite{}, identity.TypeClaim: &warrenv1.Claim{},
		identity.TypeRejection: &warrenv1.Rejection{}, identity.TypeOffer: &warrenv1.Offer{}, identity.TypeAnswer: &warrenv1.Answer{},
	}
}

// FuzzStatement reads foreign bytes as a statement of each type. Nothing may
// panic, and what passes must pass again after a trip over the wire.
func FuzzStatement(f *testing.F) {
	for _, s := range []*warrenv1.Statement{keysOf(f, key(f, 1)), endpointsOf(f, key(f, 1), "192.0.2.1:1")} {
		b, _ := proto.Marshal(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s warrenv1.Statement
		if proto.Unmarshal(b, &s) != nil {
			return
		}
		for typ, m := range messages() {
			signers, err := identity.Open(&s, typ, m)
			if err != nil {
				continue
			}
			if len(signers) == 0 || len(signers) > identity.MaxSignatures || len(s.GetPayload()) > identity.MaxPayload {
				t.Fatalf("%d signers of %d bytes passed", len(signers), len(s.GetPayload()))
			}
			again, err := proto.Marshal(&s)
			if err != nil {
				t.Fatal(err)
			}
			var copied warrenv1.Statement
			if err := proto.Unmarshal(again, &copied); err != nil || identity.HashOf(&copied) != identity.HashOf(&s) {
				t.Fatalf("the hash changed on the wire: %v", err)
			}
		}
	})
}

// FuzzPayload signs foreign bytes, so that the fuzzer gets past the signature.
func FuzzPayload(f *testing.F) {
	k := key(f, 1)
	for i, s := range []*warrenv1.Statement{keysOf(f, k), endpointsOf(f, k, "192.0.2.1:1", "[2001:db8::1]:2")} {
		f.Add(byte(i), s.GetPayload())
	}
	served, err := identity.Endpoints{Rendezvous: offer(), Home: k.ID(), Counter: 1}.Sign(k, mesh(7))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(1), served.GetPayload())
	f.Fuzz(func(t *testing.T, which byte, payload []byte) {
		if len(payload) > identity.MaxPayload {
			return
		}
		// Whatever a message says, the raw payload is what is signed: an empty
		// message with the payload as unknown fields encodes to just that.
		carrier := &warrenv1.Keys{}
		carrier.ProtoReflect().SetUnknown(payload)
		typ := identity.TypeKeys
		if which%2 == 1 {
			typ = identity.TypeEndpoints
		}
		s, err := identity.Sign(typ, carrier, k.Signer())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := identity.OpenKeys(s, mesh(7)); err == nil && (got.Node != k.ID() || got.WireGuard == [32]byte{} || got.Disco == [32]byte{}) {
			t.Fatalf("keys %+v", got)
		}
		got, err := identity.OpenEndpoints(s, mesh(7))
		if err != nil {
			return
		}
		if got.Node != k.ID() || len(got.Addresses) > identity.MaxEndpoints {
			t.Fatalf("endpoints %+v", got)
		}
		if r := got.Rendezvous; r != nil && (len(r.TLS) > identity.MaxTLS || len(r.STUN) > identity.MaxSTUN) {
			t.Fatalf("rendezvous %+v", r)
		}
		for _, a := range got.Addresses {
			if !a.IsValid() || a.Port() == 0 || a.Addr().Zone() != "" || a.Addr().Is4In6() || mesh(7).Prefix().Contains(a.Addr()) {
				t.Fatalf("endpoint %s", a)
			}
		}
	})
}
