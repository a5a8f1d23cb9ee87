package trust_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

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
