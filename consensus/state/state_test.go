package state_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/trust"
)

// world is a state and the people of its mesh.
type world struct {
	*statetest.Mesh
	state *state.State
	index uint64
}

func founded(tb testing.TB) *world {
	tb.Helper()
	w := &world{Mesh: statetest.New(tb, "acme"), state: state.New()}
	w.apply(w.Founding(), 0, nil)
	return w
}

func (w *world) log() *trust.Log { return w.state.Log() }

// apply applies a command that many after Epoch and asks for that error. A
// refused command must change nothing, an accepted one the revision.
func (w *world) apply(body proto.Message, after time.Duration, want error) {
	w.TB.Helper()
	w.index++
	before := bytesOf(w.TB, w.state)
	r := w.state.Apply(w.index, w.Command(body, after))
	if !errors.Is(r.Err, want) {
		w.TB.Fatalf("%T: error is %v, want %v", body, r.Err, want)
	}
	if r.Revision != w.state.Revision() {
		w.TB.Errorf("%T: answers revision %d, state is at %d", body, r.Revision, w.state.Revision())
	}
	if r.Err != nil && !errors.Is(r.Err, state.ErrUsed) && !bytes.Equal(before, bytesOf(w.TB, w.state)) {
		w.TB.Errorf("%T: refused with %v and still changed the state", body, r.Err)
	}
}

// same applies a command that has to succeed and change nothing.
func (w *world) same(body proto.Message, after time.Duration) {
	w.TB.Helper()
	before := w.state.Revision()
	w.apply(body, after, nil)
	if got := w.state.Revision(); got != before {
		w.TB.Errorf("%T again: revision went from %d to %d", body, before, got)
	}
}

func bytesOf(tb testing.TB, s *state.State) []byte {
	tb.Helper()
	raw, err := s.Marshal()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func TestFounding(t *testing.T) {
	m := statetest.New(t, "acme")
	other := statetest.New(t, "other")
	altered := func(change func(*warrenv1.MeshFounded)) *warrenv1.MeshFounded {
		f := m.Founding()
		change(f)
		return f
	}
	for name, test := range map[string]struct {
		body *warrenv1.MeshFounded
		want error
	}{
		"whole":            {m.Founding(), nil},
		"nothing":          {&warrenv1.MeshFounded{}, state.ErrInvalid},
		"another policy":   {altered(func(f *warrenv1.MeshFounded) { f.Policy = []byte("{}") }), state.ErrInvalid},
		"no policy text":   {altered(func(f *warrenv1.MeshFounded) { f.Policy = nil }), state.ErrInvalid},
		"no policy entry":  {altered(func(f *warrenv1.MeshFounded) { f.Entries = f.Entries[:3] }), state.ErrInvalid},
		"without policy":   {altered(func(f *warrenv1.MeshFounded) { f.Entries, f.Policy = f.Entries[:3], nil }), nil},
		"an entry missing": {altered(func(f *warrenv1.MeshFounded) { f.Entries = append(f.Entries[:1], f.Entries[2:]...) }), state.ErrStale},
		"no genesis":       {altered(func(f *warrenv1.MeshFounded) { f.Entries = f.Entries[1:] }), state.ErrInvalid},
		"a genesis of nil": {altered(func(f *warrenv1.MeshFounded) { f.Entries[0] = nil }), state.ErrInvalid},
		"a bad signature": {altered(func(f *warrenv1.MeshFounded) {
			f.Entries[1].Signatures[0].Signature[5] ^= 1
		}), state.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{Mesh: statetest.New(t, "acme"), state: state.New()}
			w.apply(test.body, 0, test.want)
			if founded := w.state.Log() != nil; founded != (test.want == nil) {
				t.Errorf("founded: %t", founded)
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		w := founded(t)
		w.same(m.Founding(), time.Hour)
		w.apply(other.Founding(), time.Hour, state.ErrFounded)
	})
	t.Run("nothing before it", func(t *testing.T) {
		w := &world{Mesh: statetest.New(t, "acme"), state: state.New()}
		w.apply(w.Invite(w.Log(), 1), 0, state.ErrInvalid)
	})
	t.Run("without the leader's time", func(t *testing.T) {
		c, err := command.New(m.Founding())
		if err != nil {
			t.Fatal(err)
		}
		if r := state.New().Apply(1, c); !errors.Is(r.Err, state.ErrInvalid) {
			t.Errorf("error is %v", r.Err)
		}
	})
}

func TestAdmitDevice(t *testing.T) {
	w := founded(t)
	inv := w.Invite(w.log(), 1, func(i *warrenv1.Invite) {
		i.Tags, i.Site, i.Customer = []string{"till", "shop"}, "berlin", "acme"
	})
	w.apply(inv, 0, nil)
	w.same(inv, time.Minute)
	claim := w.Claim(w.log(), 1, 1, nil)
	w.apply(claim, time.Minute, nil)
	w.same(claim, 2*time.Minute)
	if got := len(w.state.Pending()); got != 1 {
		t.Fatalf("%d claims pending, want 1", got)
	}
	node := w.Machine(1).ID()
	row, ok := w.state.Claim(w.InviteID(1), node)
	if !ok || row.Claim.Name != "machine-1" || row.From != "192.0.2.1:41820" || !row.Time.Equal(statetest.Epoch.Add(time.Minute)) {
		t.Errorf("claim is %+v", row)
	}

	for name, change := range map[string]func(*warrenv1.DeviceRecord){
		"another role":      func(r *warrenv1.DeviceRecord) { r.Roles = []string{trust.RoleGateway} },
		"a role more":       func(r *warrenv1.DeviceRecord) { r.Roles = append(r.Roles, trust.RoleRendezvous) },
		"a tag more":        func(r *warrenv1.DeviceRecord) { r.Tags = append(r.Tags, "prod") },
		"a tag less":        func(r *warrenv1.DeviceRecord) { r.Tags = r.Tags[:1] },
		"another site":      func(r *warrenv1.DeviceRecord) { r.Site = "bonn" },
		"another customer":  func(r *warrenv1.DeviceRecord) { r.Customer = "" },
		"another ownership": func(r *warrenv1.DeviceRecord) { r.Ownership = warrenv1.Ownership_OWNERSHIP_BYOD },
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.TB = t
			v.apply(v.Append(v.log(), v.Record(v.log(), inv, 1, change)), 2*time.Minute, state.ErrDenied)
		})
	}
	t.Run("machine without claim", func(t *testing.T) {
		v := *w
		v.TB = t
		v.apply(v.Append(v.log(), v.Record(v.log(), inv, 2)), 2*time.Minute, state.ErrUnknown)
	})
	t.Run("invite nobody made", func(t *testing.T) {
		v := *w
		v.TB = t
		v.apply(v.Append(v.log(), v.Record(v.log(), inv, 1, func(r *warrenv1.DeviceRecord) {
			id := v.InviteID(9)
			r.Invite = id[:]
		})), 2*time.Minute, state.ErrUnknown)
	})

	record := w.Record(w.log(), inv, 1, func(r *warrenv1.DeviceRecord) {
		r.Name, r.Tags = "till-7", []string{"shop", "till"}
	})
	appended := w.Append(w.log(), record)
	w.apply(appended, 3*time.Minute, nil)
	w.same(appended, 4*time.Minute)
	w.same(claim, 5*time.Minute)
	if row, _ := w.state.Claim(w.InviteID(1), node); row.State != warrenv1.ClaimState_CLAIM_STATE_ADMITTED {
		t.Errorf("claim is %s", row.State)
	}
	if d, ok := w.log().Device(node); !ok || d.Name != "till-7" {
		t.Errorf("device is %+v", d)
	}
	if got := w.state.Snapshot().Tagged("till"); len(got) != 1 || got[0].ID != node {
		t.Errorf("tagged till: %v", got)
	}
	if got := len(w.state.Pending()); got != 0 {
		t.Errorf("%d claims pending, want none", got)
	}
	w.apply(w.Reject(w.log(), 1, 1, w.Founder), 6*time.Minute, state.ErrStale)
}

func TestAdmitTechnician(t *testing.T) {
	w := founded(t)
	w.apply(w.Invite(w.log(), 1, func(i *warrenv1.Invite) { i.Role, i.Admin = trust.RoleTechnician, true }), 0, nil)
	inv := w.Invite(w.log(), 2, func(i *warrenv1.Invite) { i.Role = trust.RoleTechnician })
	w.apply(inv, 0, nil)
	w.apply(w.Claim(w.log(), 2, 2, w.Key("bob")), time.Minute, nil)
	node, id := w.Machine(2).ID(), w.InviteID(2)
	person := func(change func(*warrenv1.TechnicianRecord)) *warrenv1.TechnicianRecord {
		r := &warrenv1.TechnicianRecord{
			Name: "bob", Key: publicOf(w.Key("bob")), Node: node[:], NotBefore: statetest.Epoch.Unix(), Invite: id[:],
		}
		if change != nil {
			change(r)
		}
		return r
	}
	record := w.Record(w.log(), inv, 2)
	for name, test := range map[string]struct {
		change func(*warrenv1.TechnicianRecord)
		want   error
	}{
		"an admin":         {func(r *warrenv1.TechnicianRecord) { r.Admin = true }, state.ErrDenied},
		"another key":      {func(r *warrenv1.TechnicianRecord) { r.Key = publicOf(w.Key("eve")) }, state.ErrDenied},
		"another machine":  {func(r *warrenv1.TechnicianRecord) { r.Node = make([]byte, 16) }, state.ErrUnknown},
		"admin's invite":   {func(r *warrenv1.TechnicianRecord) { one := w.InviteID(1); r.Invite = one[:] }, state.ErrUnknown},
		"invite of 1 byte": {func(r *warrenv1.TechnicianRecord) { r.Invite = id[:1] }, state.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			v := *w
			v.TB = t
			v.apply(v.Append(v.log(), record, person(test.change)), 2*time.Minute, test.want)
		})
	}
	w.apply(w.Append(w.log(), record, person(nil)), 2*time.Minute, nil)
	if got, ok := w.log().TechnicianOfNode(node); !ok || got.Name != "bob" || got.Admin {
		t.Errorf("technician is %+v", got)
	}
	if got := len(w.state.Pending()); got != 0 {
		t.Errorf("%d claims pending, want none", got)
	}
}

// A machine whose invite asks for no approval is claimed all the same, so that
// the compare-and-set holds, and comes in by an entry that a controller signs.
func TestAdmissionWithoutApproval(t *testing.T) {
	w := founded(t)
	inv := w.Invite(w.log(), 1, func(i *warrenv1.Invite) { i.Approval = false })
	w.apply(inv, 0, nil)
	claim := w.Claim(w.log(), 1, 1, nil)
	admission := w.Append(w.log(), &warrenv1.Admission{Invite: inv.GetInvite(), Claim: claim.GetClaim()})
	w.apply(admission, time.Minute, state.ErrUnknown)
	w.apply(claim, time.Minute, nil)

	second := w.Claim(w.log(), 1, 2, nil)
	w.apply(second, time.Minute, state.ErrUsed)
	w.apply(w.Append(w.log(), &warrenv1.Admission{Invite: inv.GetInvite(), Claim: second.GetClaim()}), time.Minute, state.ErrUnknown)

	w.apply(admission, 2*time.Minute, nil)
	w.same(admission, 2*time.Minute)
	if d, ok := w.log().Device(w.Machine(1).ID()); !ok || d.Approver != "owner" {
		t.Errorf("device is %+v", d)
	}
	if got := w.state.Claims()[0].State; got != warrenv1.ClaimState_CLAIM_STATE_ADMITTED {
		t.Errorf("claim is %s", got)
	}
}

func TestReplacePolicy(t *testing.T) {
	w := founded(t)
	replaced := w.Replace(w.log(), `{"grants": [1]}`)
	late := w.Replace(w.log(), `{"grants": [2]}`)
	w.apply(&warrenv1.PolicyReplaced{Entry: replaced.Entry, Policy: []byte("{}"), IfRevision: 1}, 0, state.ErrInvalid)
	w.apply(&warrenv1.PolicyReplaced{Entry: replaced.Entry, Policy: replaced.Policy, IfRevision: 2}, 0, state.ErrStale)
	w.apply(&warrenv1.PolicyReplaced{Policy: replaced.Policy, IfRevision: 1}, 0, state.ErrInvalid)
	w.apply(&warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{replaced.Entry}}, 0, state.ErrInvalid)
	huge := string(make([]byte, state.MaxPolicy+1))
	w.apply(w.Replace(w.log(), huge), 0, state.ErrInvalid)
	if got := string(w.state.Policy()); got != statetest.Policy {
		t.Errorf("policy is %q", got)
	}
	w.apply(replaced, time.Minute, nil)
	w.same(replaced, time.Minute)
	w.apply(late, time.Minute, state.ErrStale)
	if got := string(w.state.Policy()); got != `{"grants": [1]}` {
		t.Errorf("policy is %q", got)
	}
	if _, revision := w.log().Policy(); revision != 2 {
		t.Errorf("policy is at revision %d, want 2", revision)
	}
}

// The largest policy fits into the largest command.
func TestLargestPolicyFits(t *testing.T) {
	w := founded(t)
	c := w.Command(w.Replace(w.log(), string(make([]byte, state.MaxPolicy))), 0)
	raw, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if c, err = command.Decode(raw); err != nil {
		t.Fatal(err)
	}
	if r := w.state.Apply(99, c); r.Err != nil {
		t.Error(r.Err)
	}
}

func TestRevoke(t *testing.T) {
	w := founded(t)
	node := w.Machine(0).ID()
	stale := w.Replace(w.log(), "{}")
	revoked := w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, node[:])
	w.apply(revoked, 0, nil)
	w.same(revoked, 0)
	if d, _ := w.log().Device(node); !d.Revoked {
		t.Error("machine is not revoked")
	}
	// An entry drafted before the revocation does not fold it.
	w.apply(stale, time.Minute, state.ErrStale)
	w.apply(w.Replace(w.log(), "{}"), time.Minute, nil)

	other := w.Machine(1).ID()
	forged, err := trust.SignRevocation(w.log().Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, other[:], "", statetest.Epoch, w.Key("stranger"))
	if err != nil {
		t.Fatal(err)
	}
	w.apply(&warrenv1.Revoked{Revocation: forged}, 0, state.ErrDenied)
	w.apply(w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, publicOf(w.Founder)), 0, state.ErrDenied)
	w.apply(&warrenv1.Revoked{}, 0, state.ErrInvalid)
}

func TestEntriesRefused(t *testing.T) {
	w := founded(t)
	inv := w.Invite(w.log(), 1, func(i *warrenv1.Invite) { i.Uses = 2 })
	w.apply(inv, 0, nil)
	for machine := range 2 {
		w.apply(w.Claim(w.log(), 1, machine+1, nil), 0, nil)
	}
	one, two := w.Record(w.log(), inv, 1), w.Record(w.log(), inv, 2)
	both := w.Append(w.log(), one, two)
	half := &warrenv1.EntriesAppended{Entries: both.Entries[:1]}
	gap := &warrenv1.EntriesAppended{Entries: both.Entries[1:]}
	many := &warrenv1.EntriesAppended{Entries: make([]*warrenv1.Statement, state.MaxEntries+1)}

	w.apply(&warrenv1.EntriesAppended{}, 0, state.ErrInvalid)
	w.apply(many, 0, state.ErrInvalid)
	w.apply(gap, 0, state.ErrStale)
	twin := w.Record(w.log(), inv, 2, func(r *warrenv1.DeviceRecord) { r.Name = "machine-1" })
	w.apply(w.Append(w.log(), one, twin), 0, state.ErrTaken)
	if got := w.log().Len(); got != 4 {
		t.Fatalf("log has %d entries, want 4: all or none", got)
	}
	w.apply(half, 0, nil)
	w.apply(both, 0, state.ErrStale)
	w.apply(gap, 0, nil)
	w.same(both, 0)
}

func publicOf(k ed25519.PrivateKey) []byte {
	pub, _ := k.Public().(ed25519.PublicKey)
	return pub
}

// Any byte of a command may come out of the log wrong: nothing panics, and
// what is refused changes nothing.
func TestEveryByteAltered(t *testing.T) {
	w := lived(t)
	log := w.log()
	inv := w.Invite(log, 1, func(i *warrenv1.Invite) { i.Uses, i.Tags = 3, []string{"shop"} })
	whole := bytesOf(t, w.state)
	alone := w.Invite(log, 8, func(i *warrenv1.Invite) { i.Approval = false })
	node := w.Machine(11).ID()
	for _, body := range []proto.Message{
		w.Founding(), w.Append(log, w.Record(log, inv, 3)), w.Replace(log, "{}"), w.Invite(log, 7), w.Claim(log, 1, 3, nil),
		w.Append(log, &warrenv1.Admission{Invite: alone.GetInvite(), Claim: w.Claim(log, 8, 5, nil).GetClaim()}),
		w.Reject(log, 1, 3, w.Founder), w.Revoke(log, warrenv1.RevocationKind_REVOCATION_KIND_NODE, node[:]),
	} {
		raw, err := w.Command(body, time.Minute).Encode()
		if err != nil {
			t.Fatal(err)
		}
		s := state.New()
		if err := s.Unmarshal(whole); err != nil {
			t.Fatal(err)
		}
		before := s.Revision()
		for i := range raw {
			altered := bytes.Clone(raw)
			altered[i] ^= 1 << (i % 8)
			c, err := command.Decode(altered)
			if err != nil {
				continue
			}
			r := s.Apply(1<<40, c)
			if r.Err != nil && strings.Contains(r.Err.Error(), "panicked") {
				t.Fatalf("%s, byte %d: %v", c.Kind, i, r.Err)
			}
			if s.Revision() == before {
				continue
			}
			if r.Err != nil && !errors.Is(r.Err, state.ErrUsed) {
				t.Fatalf("%s, byte %d: refused with %v and still changed the state", c.Kind, i, r.Err)
			}
			if err := s.Unmarshal(whole); err != nil { // an unsigned byte; once more from before
				t.Fatal(err)
			}
		}
	}
}
