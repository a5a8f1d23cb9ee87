package trust_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
)

func admit(inv, claim *warrenv1.Statement) *warrenv1.Admission {
	return &warrenv1.Admission{Invite: inv, Claim: claim}
}

func TestAdmission(t *testing.T) {
	l := running(t)
	inv := open(t, l, 2, ann)
	l = add(t, l, policy(2), ann) // the head has moved on
	l = add(t, l, admit(inv, claim(t, l, box, "box")), hub)
	d, ok := l.DeviceByName("box")
	if !ok || d.ID != nodeID(box) || d.Role() != "device" || fmt.Sprint(d.Tags) != "[till]" || d.Site != "zh" || d.Customer != "acme" ||
		d.Ownership != managed || d.IPv4.String() != "100.97.0.21" || d.Approver != "ann" || !d.NotBefore.Equal(noon) ||
		!d.NotAfter.Equal(noon.Add(trust.ManagedLifetime)) || string(d.Invite) != string(inviteID[:]) || d.Revoked {
		t.Errorf("box is %+v", d)
	}
	l = add(t, l, admit(inv, claim(t, l, cam, "cam")), hub)
	if uses := l.InviteUses(inviteID[:]); len(uses) != 2 || uses[0] != nodeID(box) || uses[1] != nodeID(cam) {
		t.Errorf("uses %v", uses)
	}
	got, err := try(t, l, admit(inv, claim(t, l, lab, "lab")), hub)
	refused(t, "a third of two uses", got, err, trust.ErrUsed)
	reopened, err := trust.Open(l.Mesh(), l.Entries(0), nil)
	if err != nil || tell(reopened) != tell(l) {
		t.Errorf("reopened: %v", err)
	}
}

func TestAdmissionRefused(t *testing.T) {
	l := running(t)
	l = add(t, l, technician(ben, "ben", false), ann)
	l = add(t, l, device(cam, "cam"), ann)
	ok := claim(t, l, box, "box")
	at := func(d time.Duration) func(*warrenv1.Claim) {
		return func(m *warrenv1.Claim) { m.Time = noon.Add(d).UnixMilli() }
	}
	for name, c := range map[string]struct {
		inv, claim *warrenv1.Statement
		by         []byte
		want       error
	}{
		"not signed by a controller":  {open(t, l, 1, ann), ok, []byte{stranger}, trust.ErrUnauthorised},
		"signed by ann":               {open(t, l, 1, ann), ok, []byte{ann}, trust.ErrUnauthorised},
		"signed by a plain machine":   {open(t, l, 1, ann), ok, []byte{cam}, trust.ErrUnauthorised},
		"signed by the joiner":        {open(t, l, 1, ann), ok, []byte{box}, trust.ErrUnauthorised},
		"signed by two":               {open(t, l, 1, ann), ok, []byte{hub, ann}, trust.ErrUnauthorised},
		"no invite":                   {nil, ok, []byte{hub}, trust.ErrInvalid},
		"no claim":                    {open(t, l, 1, ann), nil, []byte{hub}, trust.ErrInvalid},
		"an invite by ben":            {open(t, l, 1, ben), ok, []byte{hub}, trust.ErrUnauthorised},
		"an invite by a stranger":     {open(t, l, 1, stranger), ok, []byte{hub}, trust.ErrUnauthorised},
		"an invite by the controller": {open(t, l, 1, hub, func(m *warrenv1.Invite) { m.Inviter = "ann" }), ok, []byte{hub}, trust.ErrUnauthorised},
		"an invite with approval":     {open(t, l, 1, ann, func(m *warrenv1.Invite) { m.Approval = true }), ok, []byte{hub}, trust.ErrUnauthorised},
		"a gateway's invite":          {open(t, l, 1, ann, func(m *warrenv1.Invite) { m.Role = "gateway" }), ok, []byte{hub}, trust.ErrInvalid},
		"an invite ahead of the log":  {open(t, l, 1, ann, func(m *warrenv1.Invite) { m.HeadSequence++ }), ok, []byte{hub}, trust.ErrInvalid},
		"an invite of another mesh":   {open(t, running(t, func(g *warrenv1.Genesis) { g.Nonce[1]++ }), 1, ann), ok, []byte{hub}, trust.ErrInvalid},
		"too early a claim":           {open(t, l, 1, ann), claim(t, l, box, "box", at(-time.Second)), []byte{hub}, trust.ErrUnauthorised},
		"too late a claim":            {open(t, l, 1, ann), claim(t, l, box, "box", at(time.Hour)), []byte{hub}, trust.ErrUnauthorised},
		"a name in use":               {open(t, l, 1, ann), claim(t, l, box, "cam"), []byte{hub}, trust.ErrDuplicate},
		"an address in use":           {open(t, l, 1, ann), claim(t, l, box, "box", func(m *warrenv1.Claim) { m.Ipv4 = []byte{100, 97, 0, cam} }), []byte{hub}, trust.ErrDuplicate},
		"an address elsewhere":        {open(t, l, 1, ann), claim(t, l, box, "box", func(m *warrenv1.Claim) { m.Ipv4 = []byte{10, 0, 0, 1} }), []byte{hub}, trust.ErrInvalid},
		"a machine that is there":     {open(t, l, 1, ann), claim(t, l, cam, "cam-2", func(m *warrenv1.Claim) { m.Ipv4 = []byte{100, 97, 0, 77} }), []byte{hub}, trust.ErrDuplicate},
		"another invite's claim":      {open(t, l, 1, ann, func(m *warrenv1.Invite) { m.Id = make([]byte, 8) }), ok, []byte{hub}, trust.ErrInvalid},
	} {
		got, err := try(t, l, admit(c.inv, c.claim), c.by...)
		refused(t, name, got, err, c.want)
	}
	late := l.Draft(noon.Add(time.Hour), admit(open(t, l, 1, ann), ok))
	got, err := l.Append(sign(t, late, hub))
	refused(t, "ordered after the end", got, err, trust.ErrUnauthorised)
	if !errors.Is(err, invite.ErrExpired) {
		t.Errorf("got %v", err)
	}
	folds := l.Draft(noon, admit(open(t, l, 1, ann), ok))
	r := revocation(t, l, inviteKind, make([]byte, 8), ann)
	folds.Revocations = revoke(t, l, r).Draft(noon, policy(2)).GetRevocations()
	got, _, err = l.Extend([]*warrenv1.Statement{sign(t, folds, hub)}, []*warrenv1.Statement{r})
	refused(t, "one that folds", got, err, trust.ErrInvalid)
	if _, err := try(t, l, admit(open(t, l, 1, ann), ok), hub); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// What was revoked lets nobody in, whether the chain says so or not.
func TestAdmissionAfterRevocation(t *testing.T) {
	l := running(t)
	l = add(t, l, technician(ben, "ben", true), ann)
	inv := open(t, l, 1, ben)
	ok := claim(t, l, box, "box")
	id, hubID := nodeID(box), nodeID(hub)
	for name, r := range map[string]*warrenv1.Statement{
		"the invite":     revocation(t, l, inviteKind, inviteID[:], ann),
		"the inviter":    revocation(t, l, technicianKind, public(ben), ann),
		"the machine":    revocation(t, l, nodeKind, id[:], ann),
		"the controller": revocation(t, l, nodeKind, hubID[:], ann),
	} {
		want := trust.ErrRevoked
		if name == "the controller" {
			want = trust.ErrUnauthorised
		}
		beside := revoke(t, l, r)
		inChain := add(t, beside, policy(2), ann)
		got, err := try(t, inChain, admit(inv, ok), hub)
		refused(t, name+" in the chain", got, err, want)
		if name == "the machine" { // it is let in and counts as revoked at once
			next, err := try(t, beside, admit(inv, ok), hub)
			if err != nil {
				t.Errorf("the machine, beside: %v", err)
			} else if d, _ := next.Device(id); !d.Revoked {
				t.Error("the machine is in force")
			}
			continue
		}
		got, err = try(t, beside, admit(inv, ok), hub)
		refused(t, name+" beside the chain", got, err, want)

		// Unless the chain shows that the admission came first.
		entry := sign(t, l.Draft(noon, admit(inv, ok)), hub)
		first, err := l.Append(entry)
		if err != nil {
			t.Fatal(err)
		}
		fold := sign(t, revoke(t, first, r).Draft(noon, policy(2)), ann)
		if _, err := beside.Append(entry, fold); err != nil {
			t.Errorf("%s, overtaken: %v", name, err)
		}
	}
}

func TestEveryBitOfAnAdmissionCounts(t *testing.T) {
	l := running(t)
	a := admit(open(t, l, 1, ann), claim(t, l, box, "box"))
	e := l.Draft(noon, a)
	// One bit in five meets every byte; consensus/invite flips them all.
	n := 0
	flips(a.GetInvite(), func(what string, flipped *warrenv1.Statement) {
		if n++; n%5 != 0 {
			return
		}
		e.Body = &warrenv1.Entry_Admission{Admission: admit(flipped, a.GetClaim())}
		if _, err := l.Append(sign(t, e, hub)); err == nil {
			t.Errorf("%s of the invite flipped passes", what)
		}
	})
	flips(a.GetClaim(), func(what string, flipped *warrenv1.Statement) {
		if n++; n%5 != 0 {
			return
		}
		e.Body = &warrenv1.Entry_Admission{Admission: admit(a.GetInvite(), flipped)}
		if _, err := l.Append(sign(t, e, hub)); err == nil {
			t.Errorf("%s of the claim flipped passes", what)
		}
	})
}
