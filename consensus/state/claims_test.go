package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

func TestInviteRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*warrenv1.Invite)
		after  time.Duration
		want   error
	}{
		"sound":                 {nil, 0, nil},
		"leader lags a bit":     {nil, -5 * time.Minute, nil},
		"leader lags far":       {nil, -time.Hour, state.ErrExpired},
		"expired":               {nil, 2 * time.Hour, state.ErrExpired},
		"another mesh":          {func(i *warrenv1.Invite) { i.Mesh = make([]byte, 32) }, 0, state.ErrInvalid},
		"another head":          {func(i *warrenv1.Invite) { i.Head = make([]byte, 32) }, 0, state.ErrStale},
		"head of another place": {func(i *warrenv1.Invite) { i.HeadSequence = 1 }, 0, state.ErrStale},
		"another inviter":       {func(i *warrenv1.Invite) { i.Inviter = "bob" }, 0, state.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			w := founded(t)
			inv := w.Invite(w.log(), 1)
			if test.change != nil {
				inv = w.Invite(w.log(), 1, test.change)
			}
			w.apply(inv, test.after, test.want)
			if got := len(w.state.Invites()); got != 0 != (test.want == nil) {
				t.Errorf("%d invites", got)
			}
		})
	}
	t.Run("one number, two invites", func(t *testing.T) {
		w := founded(t)
		w.apply(w.Invite(w.log(), 1), 0, nil)
		w.apply(w.Invite(w.log(), 1, func(i *warrenv1.Invite) { i.Uses = 5 }), 0, state.ErrTaken)
	})
	t.Run("by a stranger", func(t *testing.T) {
		w := founded(t)
		stranger := statetest.New(t, "acme")
		stranger.Founder = w.Key("stranger")
		w.apply(stranger.Invite(w.log(), 1), 0, state.ErrDenied)
	})
}

func TestOneUseOneMachine(t *testing.T) {
	w := founded(t)
	w.apply(w.Invite(w.log(), 1, func(i *warrenv1.Invite) { i.Uses = 2 }), 0, nil)
	for machine := 1; machine <= 2; machine++ {
		claim := w.Claim(w.log(), 1, machine, nil)
		w.apply(claim, time.Duration(machine)*time.Minute, nil)
		w.same(claim, time.Duration(machine)*time.Minute)
	}
	late := w.Claim(w.log(), 1, 3, nil)
	for range state.MaxRefused + 2 {
		w.apply(late, 3*time.Minute, state.ErrUsed)
	}
	w.apply(w.Claim(w.log(), 1, 4, nil), 4*time.Minute, state.ErrUsed)
	row, ok := w.state.Invite(w.InviteID(1))
	if !ok {
		t.Fatal("invite is gone")
	}
	want := state.Refused{
		Count: state.MaxRefused, Node: w.Machine(3).ID(), From: "192.0.2.1:41820", Time: statetest.Epoch.Add(3 * time.Minute),
	}
	if diff := cmp.Diff(want, row.Refused); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]identity.NodeID{w.Machine(1).ID(), w.Machine(2).ID()}, row.Nodes); diff != "" {
		t.Error(diff)
	}
	if got := len(w.state.Claims()); got != 2 {
		t.Errorf("%d claims, want 2", got)
	}
	// An expired invite still answers the machine that has a use of it.
	w.same(w.Claim(w.log(), 1, 1, nil), 24*time.Hour)
}

func TestClaimRefused(t *testing.T) {
	node := func(w *world) []byte { id := w.Machine(1).ID(); return id[:] }
	id := func(w *world) []byte { id := w.InviteID(1); return id[:] }
	revoke := func(kind warrenv1.RevocationKind, target func(*world) []byte) func(*world) {
		return func(w *world) { w.apply(w.Revoke(w.log(), kind, target(w)), 0, nil) }
	}
	for name, test := range map[string]struct {
		before func(*world)
		change func(*warrenv1.InviteClaimed)
		after  time.Duration
		want   error
	}{
		"sound":             {nil, nil, 0, nil},
		"leader lags a bit": {nil, nil, -5 * time.Minute, nil},
		"leader lags far":   {nil, nil, -time.Hour, state.ErrExpired},
		"at the last":       {nil, nil, time.Hour - time.Millisecond, nil},
		"expired":           {nil, nil, time.Hour, state.ErrExpired},
		"no such invite": {nil, func(m *warrenv1.InviteClaimed) {
			o := statetest.New(t, "acme")
			*m = *o.Claim(o.Log(), 2, 1, nil)
		}, 0, state.ErrUnknown},
		"nothing":         {nil, func(m *warrenv1.InviteClaimed) { m.Claim = nil }, 0, state.ErrInvalid},
		"altered":         {nil, func(m *warrenv1.InviteClaimed) { m.Claim.Signatures[0].Signature[0] ^= 1 }, 0, state.ErrInvalid},
		"unsigned":        {nil, func(m *warrenv1.InviteClaimed) { m.Claim.Signatures = nil }, 0, state.ErrInvalid},
		"by half":         {nil, func(m *warrenv1.InviteClaimed) { m.Claim.Signatures = m.Claim.Signatures[:1] }, 0, state.ErrInvalid},
		"from a terminal": {nil, func(m *warrenv1.InviteClaimed) { m.From = "\x1b[2J" }, 0, state.ErrInvalid},
		"from too far":    {nil, func(m *warrenv1.InviteClaimed) { m.From = string(make([]byte, state.MaxFrom+1)) }, 0, state.ErrInvalid},
		"revoked invite":  {revoke(warrenv1.RevocationKind_REVOCATION_KIND_INVITE, id), nil, 0, state.ErrRevoked},
		"revoked machine": {revoke(warrenv1.RevocationKind_REVOCATION_KIND_NODE, node), nil, 0, state.ErrRevoked},
		"rejected machine": {func(w *world) {
			w.apply(w.Claim(w.log(), 1, 1, nil), 0, nil)
			w.apply(w.Reject(w.log(), 1, 1, w.Founder), 0, nil)
		}, nil, 0, state.ErrDenied},
		"a machine of the mesh": {func(w *world) {
			other := w.Invite(w.log(), 2)
			w.apply(other, 0, nil)
			w.apply(w.Claim(w.log(), 2, 1, nil), 0, nil)
			w.apply(w.Append(w.log(), w.Record(w.log(), other, 1)), 0, nil)
		}, nil, 0, state.ErrTaken},
	} {
		t.Run(name, func(t *testing.T) {
			w := founded(t)
			w.apply(w.Invite(w.log(), 1), 0, nil)
			claim := w.Claim(w.log(), 1, 1, nil)
			if test.before != nil {
				test.before(w)
			}
			if test.change != nil {
				test.change(claim)
			}
			w.apply(claim, test.after, test.want)
		})
	}
}

// Who waits may correct what he said; the approver sees the newest.
func TestNewerClaimReplaces(t *testing.T) {
	w := founded(t)
	w.apply(w.Invite(w.log(), 1), 0, nil)
	first := w.Claim(w.log(), 1, 1, nil)
	second := w.Claim(w.log(), 1, 1, nil, func(c *warrenv1.Claim) { c.Name, c.Time = "till-7", c.Time+1000 })
	w.apply(first, time.Minute, nil)
	w.apply(second, 2*time.Minute, nil)
	w.apply(first, 3*time.Minute, state.ErrStale)
	pending := w.state.Pending()
	if len(pending) != 1 || pending[0].Claim.Name != "till-7" || !pending[0].Time.Equal(statetest.Epoch.Add(2*time.Minute)) {
		t.Errorf("pending is %+v", pending)
	}
	w.apply(w.Claim(w.log(), 1, 1, nil, func(c *warrenv1.Claim) { c.Time += 9000 }), 2*time.Hour, state.ErrExpired)
}

func TestReject(t *testing.T) {
	w := founded(t)
	w.apply(w.Invite(w.log(), 1), 0, nil)
	w.apply(w.Reject(w.log(), 1, 1, w.Founder), 0, state.ErrUnknown)
	claim := w.Claim(w.log(), 1, 1, nil)
	w.apply(claim, 0, nil)
	w.apply(w.Reject(w.log(), 1, 1, w.Key("stranger")), 0, state.ErrDenied)
	w.apply(&warrenv1.ClaimRejected{}, 0, state.ErrInvalid)
	rejection := w.Reject(w.log(), 1, 1, w.Founder)
	w.apply(rejection, 0, nil)
	w.same(rejection, 0)
	if got := len(w.state.Pending()); got != 0 {
		t.Errorf("%d claims pending, want none", got)
	}
	inv := w.Invite(w.log(), 1)
	w.apply(w.Append(w.log(), w.Record(w.log(), inv, 1)), 0, state.ErrDenied)
	// The use stays bound to the machine that was turned down.
	w.apply(w.Claim(w.log(), 1, 2, nil), 0, state.ErrUsed)
}

func TestRevokedInvite(t *testing.T) {
	w := founded(t)
	inv := w.Invite(w.log(), 1)
	w.apply(inv, 0, nil)
	w.apply(w.Claim(w.log(), 1, 1, nil), 0, nil)
	id := w.InviteID(1)
	w.apply(w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_INVITE, id[:]), 0, nil)
	if row, _ := w.state.Invite(id); !row.Revoked {
		t.Error("invite is not shown as revoked")
	}
	w.apply(w.Append(w.log(), w.Record(w.log(), inv, 1)), 0, state.ErrRevoked)
	w.apply(w.Reject(w.log(), 1, 1, w.Founder), 0, nil)
}

// What a technician invited dies with him where nobody has claimed it yet.
func TestInviteOfRevokedTechnician(t *testing.T) {
	w := founded(t)
	first := w.Invite(w.log(), 1, func(i *warrenv1.Invite) { i.Role, i.Admin = trust.RoleTechnician, true })
	w.apply(first, 0, nil)
	w.apply(w.Claim(w.log(), 1, 1, w.Key("bob")), 0, nil)
	node, id := w.Machine(1).ID(), w.InviteID(1)
	w.apply(w.Append(w.log(), w.Record(w.log(), first, 1), &warrenv1.TechnicianRecord{
		Name: "bob", Key: publicOf(w.Key("bob")), Admin: true, Node: node[:], NotBefore: statetest.Epoch.Unix(), Invite: id[:],
	}), 0, nil)

	bob := *w
	bob.Mesh = statetest.New(t, "acme")
	bob.Founder = w.Key("bob")
	w.apply(bob.Invite(w.log(), 2, func(i *warrenv1.Invite) { i.Inviter = "bob" }), 0, nil)
	w.apply(w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, publicOf(w.Key("bob"))), 0, nil)
	w.apply(w.Claim(w.log(), 2, 2, nil), 0, state.ErrRevoked)
	w.apply(bob.Invite(w.log(), 3, func(i *warrenv1.Invite) { i.Inviter = "bob" }), 0, state.ErrRevoked)

	// A snapshot with the invite of a revoked technician restores.
	if err := state.New().Unmarshal(bytesOf(t, w.state)); err != nil {
		t.Error(err)
	}
}

func TestWatch(t *testing.T) {
	w := founded(t)
	closed := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	first := state.New()
	founding := first.Watch()
	if r := first.Apply(1, w.Command(w.Founding(), 0)); r.Err != nil {
		t.Fatal(r.Err)
	}
	if !closed(founding) {
		t.Error("founding woke nobody")
	}
	ch := w.state.Watch()
	w.apply(w.Claim(w.log(), 1, 1, nil), 0, state.ErrUnknown)
	w.same(w.Founding(), 0)
	if closed(ch) {
		t.Error("woken although nothing changed")
	}
	old := w.state.Snapshot()
	w.apply(w.Invite(w.log(), 1), 0, nil)
	if !closed(ch) {
		t.Error("a change woke nobody")
	}
	if len(old.Invites()) != 0 || old.Revision() == w.state.Revision() {
		t.Error("a view changed")
	}
	ch = w.state.Watch()
	if err := w.state.Unmarshal(bytesOf(t, first)); err != nil {
		t.Fatal(err)
	}
	if !closed(ch) {
		t.Error("a restore woke nobody")
	}
}
