package trust_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// carry signs a payload as it is.
func carry(typ identity.Type, payload []byte, keys ...byte) (*warrenv1.Statement, bool) {
	m := &warrenv1.Rejection{} // an empty message with the payload as unknown fields encodes to just that
	m.ProtoReflect().SetUnknown(payload)
	s, err := identity.Sign(typ, m, private(keys[0]))
	return s, err == nil
}

// FuzzEntry lets an admin, a controller or the founder of another mesh sign
// foreign bytes. What the log takes, it can be opened with again.
func FuzzEntry(f *testing.F) {
	l := running(f)
	l = revokeNode(f, add(f, l, device(cam, "cam"), ann), cam, ann)
	for _, body := range []any{device(box, "box", gatewayRole), technician(ben, "ben", true), policy(2), &warrenv1.ControllerRecord{Key: public(hub)}} {
		f.Add(sign(f, l.Draft(noon, body), ann).GetPayload(), byte(ann))
	}
	a := l.Draft(noon, admit(open(f, l, 1, ann), claim(f, l, box, "box")))
	f.Add(sign(f, a, hub).GetPayload(), byte(hub))
	f.Add(l.Entries(0)[0].GetPayload(), byte(ann))
	f.Fuzz(func(t *testing.T, payload []byte, signer byte) {
		if signer != hub {
			signer = ann
		}
		s, ok := carry(identity.TypeEntry, payload, signer)
		if !ok {
			return
		}
		if other, err := trust.Found(s); err == nil && other.Len() != 1 {
			t.Fatalf("founded %s", tell(other))
		}
		before := tell(l)
		_ = l.FoldsAll(s)
		next, err := l.Append(s)
		if tell(l) != before {
			t.Fatal("the log changed")
		}
		if err != nil {
			return
		}
		reopened, err := trust.Open(next.Mesh(), next.Entries(0), next.Revocations())
		if err != nil || tell(reopened) != tell(next) {
			t.Fatalf("it cannot be opened again: %v", err)
		}
	})
}

// FuzzRevocation does the same with revocations, signed by an admin, the
// recovery key or a machine.
func FuzzRevocation(f *testing.F) {
	l := crew(f)
	id := nodeID(box)
	for _, s := range []*warrenv1.Statement{
		revocation(f, l, nodeKind, id[:], ann), revocation(f, l, technicianKind, public(ben), ann), revocation(f, l, inviteKind, inviteID[:], ann),
	} {
		f.Add(s.GetPayload(), byte(0))
		f.Add(s.GetPayload(), byte(1))
		f.Add(s.GetPayload(), byte(2))
	}
	f.Fuzz(func(t *testing.T, payload []byte, signer byte) {
		s, ok := carry(identity.TypeRevocation, payload, []byte{ann, recovery, box}[signer%3])
		if !ok {
			return
		}
		next, err := l.Revoke(s)
		if err != nil {
			return
		}
		if len(next.Revocations()) != 1 {
			t.Fatalf("%d revocations", len(next.Revocations()))
		}
		reopened, err := trust.Open(next.Mesh(), next.Entries(0), next.Revocations())
		if err != nil || tell(reopened) != tell(next) {
			t.Fatalf("it cannot be opened again: %v", err)
		}
	})
}

// FuzzStatement gives foreign bytes as a whole statement: its signatures, too.
func FuzzStatement(f *testing.F) {
	l := running(f)
	for _, s := range append(l.Entries(0), revocation(f, l, inviteKind, inviteID[:], ann), sign(f, l.Draft(noon, policy(2)), ann)) {
		b, _ := proto.Marshal(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s warrenv1.Statement
		if proto.Unmarshal(b, &s) != nil {
			return
		}
		if next, err := l.Append(&s); err == nil && next.Len() != l.Len()+1 {
			t.Fatal("it took another number of entries than one")
		}
		if next, refused, err := l.Extend(nil, []*warrenv1.Statement{&s}); err == nil && len(refused)+len(next.Revocations()) > 1 {
			t.Fatal("one revocation became two")
		}
		if other, err := trust.Found(&s); err == nil && other.Mesh() != identity.HashOf(&s) {
			t.Fatal("a mesh that is not its genesis")
		}
	})
}
