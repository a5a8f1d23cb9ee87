package trust_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// crew is a mesh with the admins ann, ben and cat, and the machine box.
func crew(t testing.TB) *trust.Log {
	t.Helper()
	l := running(t)
	l = add(t, l, technician(ben, "ben", true), ann)
	l = add(t, l, technician(cat, "cat", true), ann)
	return add(t, l, device(box, "box"), ann)
}

func TestRevoke(t *testing.T) {
	l := crew(t)
	id := nodeID(box)
	for name, by := range map[string]byte{"an admin": ben, "the recovery key": recovery, "the machine itself": box} {
		got, err := l.Revoke(revocation(t, l, nodeKind, id[:], by))
		if err != nil {
			t.Errorf("box by %s: %v", name, err)
			continue
		}
		if d, ok := got.Device(id); !ok || !d.Revoked || !got.Revoked(nodeKind, id[:]) || l.Revoked(nodeKind, id[:]) {
			t.Errorf("box by %s is %+v", name, d)
		}
		if got.Head() != l.Head() || got.Len() != l.Len() {
			t.Error("a revocation moved the head")
		}
	}
	got := revoke(t, l, revocation(t, l, technicianKind, public(cat), ben))
	if tech, _ := got.Technician(public(cat)); !tech.Revoked {
		t.Error("cat is in force")
	}
	if tech, _ := got.TechnicianByName("cat"); !tech.Revoked {
		t.Error("cat is in force by name")
	}
	if list := fmt.Sprint(got.Technicians()); strings.Count(list, "true} ")+strings.Count(list, "true}]") != 1 {
		t.Errorf("technicians %s", list)
	}
	got = revoke(t, l, revocation(t, l, inviteKind, inviteID[:], ann))
	if !got.InviteRevoked(inviteID[:]) || got.InviteRevoked(make([]byte, 8)) || l.InviteRevoked(inviteID[:]) {
		t.Error("the invite is in force")
	}
	// The beginning of a target is not a target.
	if got.InviteRevoked(nil) || got.InviteRevoked(inviteID[:7]) || got.Revoked(0, inviteID[:]) {
		t.Error("half a target counts")
	}
}

func TestRevokeRefused(t *testing.T) {
	l := crew(t)
	l = add(t, l, technician(5, "eve", false), ann)
	id, unknown := nodeID(box), nodeID(stranger)
	for name, c := range map[string]struct {
		kind   warrenv1.RevocationKind
		target []byte
		by     byte
		want   error
	}{
		"by a stranger":                  {nodeKind, id[:], stranger, trust.ErrUnauthorised},
		"by a technician who is none":    {nodeKind, id[:], 5, trust.ErrUnauthorised},
		"by another machine":             {nodeKind, id[:], hub, trust.ErrUnauthorised},
		"by itself, an unknown machine":  {nodeKind, unknown[:], stranger, trust.ErrUnauthorised},
		"a technician by a machine":      {technicianKind, public(cat), box, trust.ErrUnauthorised},
		"himself, who is no admin":       {technicianKind, public(5), 5, trust.ErrUnauthorised},
		"an invite by a machine":         {inviteKind, inviteID[:], box, trust.ErrUnauthorised},
		"a machine's key as technician":  {technicianKind, public(box), box, trust.ErrUnauthorised},
		"an invite by the wrong machine": {inviteKind, inviteID[:], hub, trust.ErrUnauthorised},
		"a controller by a machine":      {controllerKind, id[:], hub, trust.ErrUnauthorised},
	} {
		got, err := l.Revoke(revocation(t, l, c.kind, c.target, c.by))
		refused(t, name, got, err, c.want)
	}
	s := revocation(t, l, nodeKind, id[:], ann)
	var m warrenv1.Revocation
	if err := proto.Unmarshal(s.GetPayload(), &m); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*warrenv1.Revocation){
		"no kind":         func(m *warrenv1.Revocation) { m.Kind = 0 },
		"kind 5":          func(m *warrenv1.Revocation) { m.Kind = 5 },
		"a short target":  func(m *warrenv1.Revocation) { m.Target = m.Target[1:] },
		"a long reason":   func(m *warrenv1.Revocation) { m.Reason = strings.Repeat("x", trust.MaxReason+1) },
		"a loud reason":   func(m *warrenv1.Revocation) { m.Reason = "\a" },
		"a negative time": func(m *warrenv1.Revocation) { m.Time = -1 },
		"another mesh":    func(m *warrenv1.Revocation) { m.Mesh = make([]byte, 32) },
	} {
		changed := proto.CloneOf(&m)
		edit(changed)
		s, err := identity.Sign(identity.TypeRevocation, changed, private(ann))
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Revoke(s)
		refused(t, name, got, err, trust.ErrInvalid)
	}
	two, err := identity.Sign(identity.TypeRevocation, &m, private(ann), private(ben))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Revoke(two)
	refused(t, "two signatures", got, err, trust.ErrInvalid)
	got, err = l.Revoke(l.Entries(0)[1])
	refused(t, "an entry", got, err, trust.ErrInvalid)
	if _, err := trust.SignRevocation(l.Mesh(), nodeKind, id[1:], "", noon, private(ann)); err == nil {
		t.Error("half a target was signed")
	}
}

func TestRevokeIsIdempotent(t *testing.T) {
	l := crew(t)
	id := nodeID(box)
	s := revocation(t, l, nodeKind, id[:], ann)
	one := revoke(t, l, s)
	if again := revoke(t, one, s); again != one {
		t.Error("the same revocation made another log")
	}
	// Another one by the same signer adds nothing: a machine that leaves a
	// thousand times must not fill the others' disks.
	later, err := trust.SignRevocation(l.Mesh(), nodeKind, id[:], "again", noon.Add(time.Hour), private(ann))
	if err != nil {
		t.Fatal(err)
	}
	if again := revoke(t, one, later); again != one {
		t.Error("a second revocation by one signer was kept")
	}
	// One by somebody else does: the first may yet turn out to be worthless.
	if two := revoke(t, one, revocation(t, l, nodeKind, id[:], ben)); len(two.Revocations()) != 2 {
		t.Errorf("%d revocations", len(two.Revocations()))
	}
	folded := add(t, one, policy(2), ann)
	if again := revoke(t, folded, later); again != folded {
		t.Error("a revocation of what the chain revoked was kept")
	}
}

func TestLastAdmin(t *testing.T) {
	l := running(t)
	l = add(t, l, technician(5, "eve", false), ann)
	got, err := l.Revoke(revocation(t, l, technicianKind, public(ann), ann))
	refused(t, "the only admin", got, err, trust.ErrLastAdmin)
	if err == nil || !strings.Contains(err.Error(), "recovery key") || !strings.Contains(err.Error(), "ann") {
		t.Errorf("the error does not tell why: %v", err)
	}
	revokeTechnician(t, l, 5, ann) // no admin: no matter

	// Of two, one; then no more. What stands beside the chain counts.
	l = add(t, l, technician(ben, "ben", true), ann)
	l = revokeTechnician(t, l, ben, ann)
	got, err = l.Revoke(revocation(t, l, technicianKind, public(ann), ann))
	refused(t, "the last of two", got, err, trust.ErrLastAdmin)

	// The recovery key may, and may then name a new admin.
	l = revokeTechnician(t, l, ann, recovery)
	got, err = try(t, l, policy(2), ann)
	refused(t, "ann, revoked", got, err, trust.ErrRevoked)
	got, err = try(t, l, policy(2), recovery)
	refused(t, "a policy by the recovery key", got, err, trust.ErrUnauthorised)
	l = add(t, l, technician(cat, "cat", true), recovery)
	l = add(t, l, policy(2), cat)
	reopened, err := trust.Open(l.Mesh(), l.Entries(0), l.Revocations())
	if err != nil || tell(reopened) != tell(l) {
		t.Errorf("reopened: %v", err)
	}
}

// Whoever signs must not be revoked, folded or not.
func TestRevokedSigners(t *testing.T) {
	l := crew(t)
	beside := revokeTechnician(t, l, cat, ann)
	inChain := add(t, beside, policy(2), ann)
	for name, l := range map[string]*trust.Log{"beside the chain": beside, "in the chain": inChain} {
		got, err := try(t, l, device(cam, "cam"), cat)
		refused(t, "an entry, "+name, got, err, trust.ErrRevoked)
		got, err = try(t, l, device(cam, "cam"), ann, cat)
		refused(t, "an entry with ann, "+name, got, err, trust.ErrRevoked)
		got, err = l.Revoke(revocation(t, l, technicianKind, public(ben), cat))
		refused(t, "a revocation, "+name, got, err, trust.ErrRevoked)
	}
	// Nobody silences the recovery key, or a machine that leaves.
	for _, key := range []byte{recovery, box} {
		l = revokeTechnician(t, l, key, ann)
	}
	if _, err := l.Revoke(revocation(t, l, technicianKind, public(ben), recovery)); err != nil {
		t.Errorf("the recovery key was silenced: %v", err)
	}
	id := nodeID(box)
	if _, err := l.Revoke(revocation(t, l, nodeKind, id[:], box)); err != nil {
		t.Errorf("box was silenced: %v", err)
	}
}

// A revocation frees what its target held once it is in the chain, and the
// target itself never returns.
func TestWhatARevocationFrees(t *testing.T) {
	l := crew(t)
	l = revokeNode(t, l, box, ann)
	l = revokeTechnician(t, l, cat, ann)

	for what, d := range map[string]*warrenv1.DeviceRecord{
		"name":    device(cam, "box"),
		"address": device(cam, "cam", func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 0, box} }),
	} {
		e := l.Draft(noon, d)
		if _, err := l.Append(sign(t, e, ann)); err != nil {
			t.Errorf("the %s, folded: %v", what, err)
		}
		e.Revocations = nil
		got, err := l.Append(sign(t, e, ann))
		refused(t, "the "+what+", not folded", got, err, trust.ErrDuplicate)
	}
	for what, edit := range map[string]func(*warrenv1.TechnicianRecord){
		"name":    func(r *warrenv1.TechnicianRecord) { r.Name = "cat" },
		"machine": func(r *warrenv1.TechnicianRecord) { r.Node = technician(cat, "", true).GetNode() },
	} {
		r := technician(6, "dan", true)
		edit(r)
		e := l.Draft(noon, r)
		if _, err := l.Append(sign(t, e, ann)); err != nil {
			t.Errorf("cat's %s, folded: %v", what, err)
		}
		e.Revocations = nil
		got, err := l.Append(sign(t, e, ann))
		refused(t, "cat's "+what+", not folded", got, err, trust.ErrDuplicate)
	}
	again := l.Draft(noon, device(cam, "box", func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 0, box} }))
	l, err := l.Append(sign(t, again, ann))
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := l.DeviceByName("box"); d.ID != nodeID(cam) || d.Revoked {
		t.Errorf("box is %+v", d)
	}
	n := 0
	for d := range l.Devices() {
		if d.Name == "box" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d machines were called box", n)
	}
	got, err := try(t, l, device(box, "new", func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 0, 99} }), ann)
	refused(t, "box again", got, err, trust.ErrRevoked)
	got, err = try(t, l, technician(cat, "kate", true), ann)
	refused(t, "cat again", got, err, trust.ErrRevoked)

	// cat's name and machine are free for a new key.
	r := technician(6, "cat", true)
	r.Node = technician(cat, "", true).GetNode()
	l = add(t, l, r, ann)
	if tech, _ := l.TechnicianByName("cat"); !tech.Key.Equal(public(6)) || tech.Revoked {
		t.Errorf("cat is %+v", tech)
	}
	var of identity.NodeID
	copy(of[:], r.GetNode())
	if tech, _ := l.TechnicianOfNode(of); !tech.Key.Equal(public(6)) {
		t.Errorf("there works %+v", tech)
	}
	if list := l.Technicians(); len(list) != 4 || list[2].Name != "cat" || list[3].Name != "cat" {
		t.Errorf("technicians %+v", list)
	}
}

// A revocation can come before the record of its target.
func TestRevocationAhead(t *testing.T) {
	l := crew(t)
	l = revokeNode(t, l, cam, ann)
	e := l.Draft(noon, device(cam, "cam"))
	got, err := l.Append(sign(t, e, ann))
	refused(t, "cam, folded in the same entry", got, err, trust.ErrRevoked)
	e.Revocations = nil
	l, err = l.Append(sign(t, e, ann))
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := l.Device(nodeID(cam)); !d.Revoked {
		t.Error("cam is in force")
	}
}

// Those who signed a revocation are judged by its time, too.
func TestRevocationByOneWhoIsOver(t *testing.T) {
	l := running(t)
	r := technician(ben, "ben", true)
	r.NotAfter = noon.Add(time.Hour).Unix()
	l = add(t, l, r, ann)
	id := nodeID(hub)
	s, err := trust.SignRevocation(l.Mesh(), nodeKind, id[:], "", noon.Add(time.Hour), private(ben))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Revoke(s)
	refused(t, "by ben, who is over", got, err, trust.ErrUnauthorised)
}

func TestRevocationTextIsTold(t *testing.T) {
	l := crew(t)
	var m warrenv1.Revocation
	if err := proto.Unmarshal(revocation(t, l, inviteKind, inviteID[:], ann).GetPayload(), &m); err != nil {
		t.Fatal(err)
	}
	if m.GetReason() != "test" || m.GetTime() != noon.UnixMilli() || !bytes.Equal(m.GetTarget(), inviteID[:]) {
		t.Errorf("got %v", &m)
	}
}
