package trust_test

import (
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
)

// crowd: ann let ben in as an admin, ben let cat in; machines between.
func crowd(t *testing.T) *trust.Log {
	t.Helper()
	l := running(t)
	l = add(t, l, device(cam, "cam"), ann)
	l = add(t, l, technician(ben, "ben", true), ann)
	l = add(t, l, device(box, "box"), ben)
	return add(t, l, technician(cat, "cat", false), ben)
}

func TestVouchersTellOfNobodyElse(t *testing.T) {
	l := crowd(t)
	for key, want := range map[byte]int{ann: 1, ben: 2, cat: 3} {
		vouchers, err := l.Vouchers(public(key))
		if err != nil {
			t.Fatal(err)
		}
		if len(vouchers) != want {
			t.Errorf("%d vouchers for %d, want %d", len(vouchers), key, want)
		}
		v, err := trust.OpenVouchers(l.Mesh(), vouchers)
		if err != nil {
			t.Fatal(err)
		}
		name, admin, err := v.Inviter(public(key), noon)
		wantName, wantAdmin, wantErr := l.Inviter(public(key), noon)
		if name != wantName || admin != wantAdmin || err != nil || wantErr != nil {
			t.Errorf("%d is %q, admin %v, %v", key, name, admin, err)
		}
		if v.Name() != l.Name() || v.Mesh() != l.Mesh() {
			t.Errorf("mesh %s (%s)", v.Name(), v.Mesh())
		}
		if _, _, err := v.Inviter(public(stranger), noon); err == nil {
			t.Error("a stranger is vouched for")
		}
	}
	if _, err := l.Vouchers(public(stranger)); err == nil {
		t.Error("vouchers for a stranger")
	}
	v, err := trust.OpenVouchers(l.Mesh(), l.Entries(0)[:1])
	if err != nil || !v.Holds([4]byte{100, 97, 0, 9}) || v.Holds([4]byte{100, 98, 0, 9}) || v.Holds([4]byte{100, 97, 0, 0}) {
		t.Errorf("addresses: %v", err)
	}
}

func TestVouchersByTheRecoveryKey(t *testing.T) {
	l := add(t, running(t), technician(ben, "ben", true), recovery)
	vouchers, err := l.Vouchers(public(ben))
	if err != nil || len(vouchers) != 2 {
		t.Fatalf("%d vouchers: %v", len(vouchers), err)
	}
	v, err := trust.OpenVouchers(l.Mesh(), vouchers)
	if err != nil {
		t.Fatal(err)
	}
	if name, _, err := v.Inviter(public(ben), noon); name != "ben" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
}

func TestVouchersRefused(t *testing.T) {
	l := crowd(t)
	way, err := l.Vouchers(public(cat))
	if err != nil {
		t.Fatal(err)
	}
	forged := func(body any, by byte) *warrenv1.Statement { return sign(t, l.Draft(noon, body), by) }
	other := found(t, func(g *warrenv1.Genesis) { g.Name = "other" })
	many := make([]*warrenv1.Statement, trust.MaxVouchers+1)
	for i := range many {
		many[i] = way[0]
	}
	for name, list := range map[string][]*warrenv1.Statement{
		"none":                {},
		"too many":            many,
		"another genesis":     {other.Entries(0)[0], way[1], way[2]},
		"a link left out":     {way[0], way[2]},
		"by a stranger":       {way[0], forged(technician(stranger, "eve", true), stranger)},
		"by one who is none":  {way[0], way[1], way[2], forged(technician(stranger, "eve", true), cat)},
		"a machine's record":  {way[0], forged(device(lab, "lab"), ann)},
		"a malformed record":  {way[0], forged(technician(stranger, "EVE", true), ann)},
		"a broken statement":  {way[0], {Type: way[1].GetType(), Payload: way[1].GetPayload()}},
		"an altered document": {way[0], {Type: way[1].GetType(), Payload: append([]byte{8, 1}, way[1].GetPayload()...), Signatures: way[1].GetSignatures()}},
	} {
		if v, err := trust.OpenVouchers(l.Mesh(), list); err == nil {
			t.Errorf("%s: taken, %v", name, v)
		}
	}
}

// A stranger judges the invite as a member does, as far as signatures go.
func TestVouchedJudgesInvites(t *testing.T) {
	l := crowd(t)
	vouchers, err := l.Vouchers(public(ann))
	if err != nil {
		t.Fatal(err)
	}
	v, err := trust.OpenVouchers(l.Mesh(), vouchers)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := invite.Open(open(t, l, 1, ann), l.Mesh(), v)
	if err != nil || inv.Inviter != "ann" {
		t.Errorf("%q: %v", inv.Inviter, err)
	}
	if _, err := invite.Open(open(t, l, 1, ben), l.Mesh(), v); err == nil {
		t.Error("an invite by one nobody vouches for was taken")
	}
}
