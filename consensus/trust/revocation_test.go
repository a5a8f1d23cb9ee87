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
		"kind 4":          func(m *warrenv1.Revocation) { m.Kind = 4 },
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

	again := l.Draft(noon, device(cam, "box", func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 0, box} }))
	unfolded := proto.CloneOf(again)
	unfolded.Revocations = nil
	got, err := l.Append(sign(t, unfolded, ann))
	refused(t, "the name, not folded", got, err, trust.ErrDuplicate)
	l, err = l.Append(sign(t, again, ann))
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
	got, err = try(t, l, device(box, "new", func(d *warrenv1.DeviceRecord) { d.Ipv4 = []byte{100, 97, 0, 99} }), ann)
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

func TestFold(t *testing.T) {
	l := crew(t)
	l = revokeNode(t, l, box, ben)
	l = revokeTechnician(t, l, ben, ann)
	e := l.Draft(noon, policy(2))
	if len(e.GetRevocations()) != 2 {
		t.Fatalf("drafted %d folds", len(e.GetRevocations()))
	}
	next := add(t, l, policy(2), ann)
	if len(next.Draft(noon, policy(3)).GetRevocations()) != 0 || len(next.Revocations()) != 2 {
		t.Error("folded revocations stand beside the chain")
	}
	if id := nodeID(box); !next.Revoked(nodeKind, id[:]) || !next.Revoked(technicianKind, public(ben)) {
		t.Error("folding lost a revocation")
	}

	e.Revocations = append(e.Revocations, make([]byte, 32))
	got, err := l.Append(sign(t, e, ann))
	refused(t, "a fold nobody knows", got, err, trust.ErrMissing)
	e.Revocations = append(e.Revocations[:2:2], e.Revocations[0])
	got, err = l.Append(sign(t, e, ann))
	refused(t, "a fold twice", got, err, trust.ErrInvalid)
	again := next.Draft(noon, policy(3))
	again.Revocations = e.Revocations[:1]
	got, err = next.Append(sign(t, again, ann))
	refused(t, "a fold again", got, err, trust.ErrInvalid)

	// Folding in another order comes to the same: the chain before the entry
	// judges all of them.
	e.Revocations = [][]byte{e.Revocations[1], e.Revocations[0]}
	swapped, err := l.Append(sign(t, e, ann))
	if err != nil {
		t.Fatal(err)
	}
	if id := nodeID(box); !swapped.Revoked(nodeKind, id[:]) {
		t.Error("the order of folds matters")
	}
}

func TestDraftFoldsAtMost(t *testing.T) {
	l := running(t)
	for i := range trust.MaxFolds + 3 {
		id := [8]byte{byte(i), byte(i >> 8)}
		l = revoke(t, l, revocation(t, l, inviteKind, id[:], ann))
	}
	s := sign(t, l.Draft(noon, policy(2)), ann)
	if !l.FoldsAll(s) {
		t.Error("a full entry does not count as folding all that fit")
	}
	l, err := l.Append(s)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(l.Draft(noon, policy(3)).GetRevocations()); n != 3 {
		t.Errorf("%d are left", n)
	}
	if n := len(l.Revocations()); n != trust.MaxFolds+3 {
		t.Errorf("%d revocations", n)
	}
}

func TestFoldsAll(t *testing.T) {
	l := crew(t)
	early := sign(t, l.Draft(noon, policy(2)), ann)
	if !l.FoldsAll(early) {
		t.Error("there is nothing to fold")
	}
	l = revokeNode(t, l, box, ann)
	if l.FoldsAll(early) {
		t.Error("an early draft folds what came later")
	}
	if !l.FoldsAll(sign(t, l.Draft(noon, policy(2)), ann)) {
		t.Error("a new draft does not fold all")
	}
	if !l.FoldsAll(sign(t, l.Draft(noon, &warrenv1.Admission{}), hub)) {
		t.Error("an admission is asked to fold")
	}
	if l.FoldsAll(&warrenv1.Statement{Payload: []byte{0xff}}) {
		t.Error("nonsense folds all")
	}
}

// Two admins revoke each other at the same time: each side keeps what it
// learned first, and the chain decides.
func TestMutualRevocation(t *testing.T) {
	l := crew(t)
	byAnn, byBen := revocation(t, l, technicianKind, public(ben), ann), revocation(t, l, technicianKind, public(ann), ben)
	here, there := revoke(t, l, byAnn), revoke(t, l, byBen)
	got, err := here.Revoke(byBen)
	refused(t, "the second, by one revoked", got, err, trust.ErrRevoked)

	// ben, revoked here, cannot decide it.
	entry := sign(t, there.Draft(noon, policy(2)), ben)
	if _, err := there.Append(entry); err != nil {
		t.Fatal(err)
	}
	next, _, err := here.Extend([]*warrenv1.Statement{entry}, []*warrenv1.Statement{byBen})
	refused(t, "an entry by ben", next, err, trust.ErrRevoked)

	// cat can. What ann revoked is then worth nothing, so ben may go on.
	entry = sign(t, there.Draft(noon, policy(2)), cat)
	next, refusals, err := here.Extend([]*warrenv1.Statement{entry}, []*warrenv1.Statement{byBen})
	if err != nil || len(refusals) != 0 {
		t.Fatal(err, refusals)
	}
	if tech, _ := next.Technician(public(ann)); !tech.Revoked {
		t.Error("ann is in force")
	}
	if tech, _ := next.Technician(public(ben)); tech.Revoked {
		t.Error("ben is revoked")
	}
	decided, err := there.Append(entry)
	if err != nil || tell(decided) != tell(next) {
		t.Errorf("the two sides differ: %v", err)
	}
}

// An entry was ordered before its signer was revoked, and a machine hears of
// the revocation first. It waits until somebody else's entry shows the order.
func TestRevocationOvertakesAnEntry(t *testing.T) {
	l := crew(t)
	byCat := sign(t, l.Draft(noon, device(cam, "cam")), cat)
	r := revocation(t, l, technicianKind, public(cat), ann)
	controllers, err := l.Append(byCat)
	if err != nil {
		t.Fatal(err)
	}
	controllers = revoke(t, controllers, r)
	overtaken := revoke(t, l, r)

	got, err := overtaken.Append(byCat)
	refused(t, "alone", got, err, trust.ErrRevoked)
	more := sign(t, controllers.Draft(noon, policy(2)), ben)
	next, err := overtaken.Append(byCat, more)
	if err != nil {
		t.Fatal(err)
	}
	want, err := controllers.Append(more)
	if err != nil || tell(next) != tell(want) {
		t.Errorf("they differ: %v", err)
	}

	// So too where another's revocation of cat came here than went there.
	twice := revoke(t, l, revocation(t, l, technicianKind, public(cat), ben))
	next, _, err = twice.Extend([]*warrenv1.Statement{byCat, more}, []*warrenv1.Statement{r})
	if err != nil || next.Head() != want.Head() {
		t.Errorf("with ben's revocation here: %v", err)
	}

	// It does not help to fold it oneself, or to fold nothing.
	own := sign(t, controllers.Draft(noon, policy(2)), cat)
	got, err = overtaken.Append(byCat, own)
	refused(t, "folded by cat herself", got, err, trust.ErrRevoked)
	none := controllers.Draft(noon, policy(2))
	none.Revocations = nil
	got, err = overtaken.Append(byCat, sign(t, none, ben))
	refused(t, "followed, not folded", got, err, trust.ErrRevoked)
}

func TestExtend(t *testing.T) {
	l := crew(t)
	id := nodeID(box)
	byAnn, byBen := revocation(t, l, nodeKind, id[:], ann), revocation(t, l, technicianKind, public(cat), ben)
	ahead := revoke(t, revoke(t, l, byAnn), byBen)
	entry := sign(t, ahead.Draft(noon, policy(2)), ann)
	later := revocation(t, l, inviteKind, inviteID[:], ann)

	got, err := l.Append(entry)
	refused(t, "without the revocations", got, err, trust.ErrMissing)
	next, refusals, err := l.Extend([]*warrenv1.Statement{entry}, []*warrenv1.Statement{byAnn, byBen, later})
	if err != nil || len(refusals) != 0 {
		t.Fatal(err, refusals)
	}
	want, err := ahead.Append(entry)
	if err != nil || tell(revoke(t, want, later)) != tell(next) {
		t.Errorf("got\n%s", tell(next))
	}
	// Nothing new is fine.
	same, refusals, err := next.Extend(nil, next.Revocations())
	if err != nil || len(refusals) != 0 || tell(same) != tell(next) {
		t.Errorf("the same again: %v, %v", refusals, err)
	}
	// One that may not be taken does not stop the rest.
	bad := revocation(t, l, nodeKind, id[:], stranger)
	next, refusals, err = l.Extend(nil, []*warrenv1.Statement{bad, later})
	if err != nil || len(refusals) != 1 || !next.InviteRevoked(inviteID[:]) {
		t.Errorf("got %v, %v", refusals, err)
	}
	// One that is broken does.
	broken := proto.CloneOf(later)
	broken.Signatures[0].Signature[0] ^= 1
	_, _, err = l.Extend(nil, []*warrenv1.Statement{broken})
	refused(t, "a broken revocation", nil, err, trust.ErrInvalid)
}

// The same words signed twice are one statement: the good signature counts.
func TestFoldFindsTheGoodSignature(t *testing.T) {
	l := crew(t)
	id := nodeID(box)
	good, bad := revocation(t, l, nodeKind, id[:], ann), revocation(t, l, nodeKind, id[:], stranger)
	if identity.HashOf(good) != identity.HashOf(bad) {
		t.Fatal("they are two statements")
	}
	entry := sign(t, revoke(t, l, good).Draft(noon, policy(2)), ann)
	for _, list := range [][]*warrenv1.Statement{{good, bad}, {bad, good}} {
		next, _, err := l.Extend([]*warrenv1.Statement{entry}, list)
		if err != nil || !next.Revoked(nodeKind, id[:]) {
			t.Errorf("got %v", err)
		}
	}
	got, _, err := l.Extend([]*warrenv1.Statement{entry}, []*warrenv1.Statement{bad})
	refused(t, "the bad one alone", got, err, trust.ErrUnauthorised)
}

// An entry cannot leave a mesh without admins by folding.
func TestFoldKeepsAnAdmin(t *testing.T) {
	l := running(t)
	l = add(t, l, technician(ben, "ben", true), ann)
	byAnn, byBen := revocation(t, l, technicianKind, public(ben), ann), revocation(t, l, technicianKind, public(ann), ben)
	e := l.Draft(noon, technician(cat, "cat", true))
	for _, s := range []*warrenv1.Statement{byAnn, byBen} {
		h := identity.HashOf(s)
		e.Revocations = append(e.Revocations, h[:])
	}
	got, _, err := l.Extend([]*warrenv1.Statement{sign(t, e, recovery)}, []*warrenv1.Statement{byAnn, byBen})
	refused(t, "both", got, err, trust.ErrLastAdmin)
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
