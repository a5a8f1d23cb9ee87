package trust_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

// The people and machines of these tests, by the seed of their key.
const (
	ann      = 1 // founder, admin
	ben      = 2
	cat      = 3
	recovery = 9
	hub      = 20 // the first controller
	box      = 21
	cam      = 22
	lab      = 23
	stranger = 99
)

const (
	managed = warrenv1.Ownership_OWNERSHIP_MANAGED
	byod    = warrenv1.Ownership_OWNERSHIP_BYOD

	nodeKind       = warrenv1.RevocationKind_REVOCATION_KIND_NODE
	technicianKind = warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN
	inviteKind     = warrenv1.RevocationKind_REVOCATION_KIND_INVITE
	controllerKind = warrenv1.RevocationKind_REVOCATION_KIND_CONTROLLER
)

var noon = time.Unix(1_800_000_000, 0).UTC()

func private(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, 32)) }

func public(n byte) ed25519.PublicKey { return private(n).Public().(ed25519.PublicKey) }

func nodeID(n byte) identity.NodeID { return identity.NodeIDOf(public(n)) }

func genesis(edit ...func(*warrenv1.Genesis)) *warrenv1.Genesis {
	id := nodeID(hub)
	g := &warrenv1.Genesis{
		Name:        "acme",
		Founder:     &warrenv1.TechnicianRecord{Name: "ann", Key: public(ann), Admin: true, Node: id[:], NotBefore: noon.Unix()},
		RecoveryKey: public(recovery),
		Thresholds:  &warrenv1.Thresholds{Admin: 1, Controller: 1, Device: 1, Gateway: 1, Policy: 1},
		Ipv4Range:   "100.97.0.0/16",
		Nonce:       bytes.Repeat([]byte{5}, 16),
	}
	for _, e := range edit {
		e(g)
	}
	return g
}

// sign signs an entry that has to be signable.
func sign(t testing.TB, e *warrenv1.Entry, keys ...byte) *warrenv1.Statement {
	t.Helper()
	var list []ed25519.PrivateKey
	for _, k := range keys {
		list = append(list, private(k))
	}
	s, err := trust.SignEntry(e, list...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func found(t testing.TB, edit ...func(*warrenv1.Genesis)) *trust.Log {
	t.Helper()
	l, err := trust.Found(sign(t, trust.Genesis(noon, genesis(edit...)), ann))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// try drafts, signs and appends.
func try(t testing.TB, l *trust.Log, body any, keys ...byte) (*trust.Log, error) {
	t.Helper()
	return l.Append(sign(t, l.Draft(noon, body), keys...))
}

func add(t testing.TB, l *trust.Log, body any, keys ...byte) *trust.Log {
	t.Helper()
	next, err := try(t, l, body, keys...)
	if err != nil {
		t.Fatalf("append %v: %v", body, err)
	}
	return next
}

func revocation(t testing.TB, l *trust.Log, kind warrenv1.RevocationKind, target []byte, by byte) *warrenv1.Statement {
	t.Helper()
	s, err := trust.SignRevocation(l.Mesh(), kind, target, "test", noon, private(by))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func revokeNode(t testing.TB, l *trust.Log, n, by byte) *trust.Log {
	t.Helper()
	id := nodeID(n)
	return revoke(t, l, revocation(t, l, nodeKind, id[:], by))
}

func revokeTechnician(t testing.TB, l *trust.Log, n, by byte) *trust.Log {
	t.Helper()
	return revoke(t, l, revocation(t, l, technicianKind, public(n), by))
}

func revoke(t testing.TB, l *trust.Log, s *warrenv1.Statement) *trust.Log {
	t.Helper()
	next, err := l.Revoke(s)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// device is a plain machine; its address ends in its number.
func device(n byte, name string, edit ...func(*warrenv1.DeviceRecord)) *warrenv1.DeviceRecord {
	d := &warrenv1.DeviceRecord{
		Key: public(n), Name: name, Roles: []string{"device"}, Ownership: managed, Ipv4: []byte{100, 97, 0, n}, NotBefore: noon.Unix(),
	}
	for _, e := range edit {
		e(d)
	}
	return d
}

func controllerRole(d *warrenv1.DeviceRecord) { d.Roles = []string{"controller", "technician"} }

func gatewayRole(d *warrenv1.DeviceRecord) {
	d.Roles, d.Routes = []string{"gateway"}, []string{"192.168.1.0/24"}
}

func technician(n byte, name string, admin bool) *warrenv1.TechnicianRecord {
	id := nodeID(n + 100)
	return &warrenv1.TechnicianRecord{Name: name, Key: public(n), Admin: admin, Node: id[:], NotBefore: noon.Unix()}
}

func policy(revision uint64) *warrenv1.PolicyRecord {
	return &warrenv1.PolicyRecord{Hash: bytes.Repeat([]byte{byte(revision)}, 32), Revision: revision}
}

// running is a mesh as init leaves it: founder, her machine as controller, a
// policy.
func running(t testing.TB, edit ...func(*warrenv1.Genesis)) *trust.Log {
	t.Helper()
	l := found(t, edit...)
	l = add(t, l, device(hub, "hub", controllerRole), ann)
	l = add(t, l, &warrenv1.ControllerRecord{Key: public(hub)}, ann)
	return add(t, l, policy(1), ann)
}

var (
	secret   = invite.Secret{1, 2, 3}
	inviteID = invite.ID{1, 2, 3, 4, 5, 6, 7, 8}
)

// open is an invite for n machines without approval, made at l's head.
func open(t testing.TB, l *trust.Log, uses uint32, by byte, edit ...func(*warrenv1.Invite)) *warrenv1.Statement {
	t.Helper()
	pub, _ := invite.Key(secret).Public().(ed25519.PublicKey)
	head, mesh := l.Head(), l.Mesh()
	name := "nobody"
	if by, ok := l.Technician(public(by)); ok {
		name = by.Name
	}
	m := &warrenv1.Invite{
		Mesh: mesh[:], Id: inviteID[:], Key: pub, Role: "device", Tags: []string{"till"}, Site: "zh", Customer: "acme", Ownership: managed,
		Uses: uses, NotBefore: noon.Unix(), NotAfter: noon.Add(time.Hour).Unix(), Head: head[:], HeadSequence: l.Len() - 1, Inviter: name,
	}
	for _, e := range edit {
		e(m)
	}
	s, err := identity.Sign(identity.TypeInvite, m, private(by))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func claim(t testing.TB, l *trust.Log, n byte, name string, edit ...func(*warrenv1.Claim)) *warrenv1.Statement {
	t.Helper()
	key, err := identity.NodeKeyFromSeed(private(n).Seed())
	if err != nil {
		t.Fatal(err)
	}
	keys := identitytest.Keys(t, key, l.Mesh(), "1", 1, noon)
	mesh := l.Mesh()
	m := &warrenv1.Claim{
		Mesh: mesh[:], Invite: inviteID[:], Name: name, Keys: keys, Nonce: make([]byte, 32), Ipv4: []byte{100, 97, 0, n}, Time: noon.UnixMilli(),
	}
	for _, e := range edit {
		e(m)
	}
	s, err := invite.SignClaim(m, secret, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tell is everything a log says, as text.
func tell(l *trust.Log) string {
	var b strings.Builder
	hash, revision := l.Policy()
	fmt.Fprintf(&b, "mesh %s %s head %x len %d policy %x %d range %s recovery %x\n", l.Mesh(), l.Name(), l.Head(), l.Len(), hash, revision, l.IPv4Range(), l.RecoveryKey())
	for d := range l.Devices() {
		fmt.Fprintf(&b, "device %+v role %s controller %t\n", d, d.Role(), l.IsController(d.ID))
	}
	for _, tech := range l.Technicians() {
		fmt.Fprintf(&b, "technician %+v\n", tech)
	}
	fmt.Fprintf(&b, "controllers %v\n", l.Controllers())
	for _, s := range append(l.Entries(0), l.Revocations()...) {
		fmt.Fprintf(&b, "%x\n", identity.HashOf(s))
	}
	return b.String()
}

// flips yields s with each bit of its payload and signatures flipped.
func flips(s *warrenv1.Statement, yield func(what string, flipped *warrenv1.Statement)) {
	parts := map[string]func(*warrenv1.Statement) []byte{"payload": (*warrenv1.Statement).GetPayload}
	for i := range s.GetSignatures() {
		parts[fmt.Sprint("key ", i)] = func(s *warrenv1.Statement) []byte { return s.GetSignatures()[i].GetKey() }
		parts[fmt.Sprint("signature ", i)] = func(s *warrenv1.Statement) []byte { return s.GetSignatures()[i].GetSignature() }
	}
	for what, part := range parts {
		for bit := range 8 * len(part(s)) {
			flipped := proto.CloneOf(s)
			part(flipped)[bit/8] ^= 1 << (bit % 8)
			yield(fmt.Sprintf("bit %d of %s", bit, what), flipped)
		}
	}
}

// refused checks that nothing came and why.
func refused(t *testing.T, what string, l *trust.Log, err, want error) {
	t.Helper()
	if l != nil || !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

type (
	warrenGenesis = warrenv1.Genesis
	warrenDevice  = warrenv1.DeviceRecord
)
