package state_test

import (
	"errors"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/trust"
)

// invites makes invites first to last, all at once, and wants no refusal.
func (w *world) invites(first, last int, after, lifetime time.Duration) {
	w.TB.Helper()
	for n := first; n <= last; n++ {
		if err := w.invite(n, after, lifetime); err != nil {
			w.TB.Fatalf("invite %d: %v", n, err)
		}
	}
}

func (w *world) invite(n int, after, lifetime time.Duration) error {
	w.TB.Helper()
	w.index++
	begin := w.Command(&warrenv1.ClaimRejected{}, after).Time
	return w.state.Apply(w.index, w.Command(w.Invite(w.log(), n, func(i *warrenv1.Invite) {
		i.NotBefore, i.NotAfter = begin.Unix(), begin.Add(lifetime).Unix()
	}), after)).Err
}

func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestATechnicianMakesSixtyInvitesAnHour(t *testing.T) {
	w := founded(t)
	admin := w.Invite(w.log(), 9000, func(i *warrenv1.Invite) { i.Role, i.Admin = trust.RoleTechnician, true })
	w.apply(admin, 0, nil)
	bob := w.Key("bob")
	w.apply(w.Claim(w.log(), 9000, 1, bob), time.Minute, nil)
	node, id := w.Machine(1).ID(), w.InviteID(9000)
	w.apply(w.Append(w.log(), w.Record(w.log(), admin, 1), &warrenv1.TechnicianRecord{
		Name: "bob", Key: publicOf(bob), Admin: true, Node: node[:], Invite: id[:], NotBefore: statetest.Epoch.Unix(),
	}), time.Minute, nil)

	w.invites(1, state.MaxHourly-1, 10*time.Minute, time.Hour)
	wants(t, "the 61st", w.invite(100, 20*time.Minute, time.Hour), state.ErrOften)
	w.same(admin, 20*time.Minute) // what is there is no news

	// It holds after a restore, and for one technician alone.
	again := state.New()
	if err := again.Unmarshal(bytesOf(t, w.state)); err != nil {
		t.Fatal(err)
	}
	r := again.Apply(w.index+1, w.Command(w.Invite(w.log(), 102), 20*time.Minute))
	wants(t, "the 61st after a restore", r.Err, state.ErrOften)
	owner := w.Founder
	w.Founder = bob
	w.apply(w.Invite(w.log(), 103, func(i *warrenv1.Invite) { i.Inviter = "bob" }), 20*time.Minute, nil)
	w.Founder = owner

	wants(t, "when the first one is an hour old", w.invite(104, time.Hour, time.Hour), nil)
	wants(t, "and one more", w.invite(105, time.Hour, time.Hour), state.ErrOften)
	wants(t, "an hour after the others", w.invite(106, 71*time.Minute, time.Hour), nil)
	// A leader whose clock is far behind is no reason to shut anybody out.
	w.invites(200, 200+state.MaxHourly-1, 100*time.Hour, time.Hour)
	wants(t, "the 61st", w.invite(300, 100*time.Hour, time.Hour), state.ErrOften)
	wants(t, "the 61st after the clock was set back", w.invite(301, 90*time.Hour, 20*time.Hour), nil)
}

func TestATechnicianHas500OpenInvites(t *testing.T) {
	w := founded(t)
	const day = 24 * time.Hour
	hour := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	n := 0
	for h := range state.MaxOpen / 50 {
		w.invites(n+1, n+50, hour(h), 7*day)
		n += 50
	}
	now := hour(20)
	wants(t, "the 501st", w.invite(1000, now, time.Hour), state.ErrFull)
	first := w.InviteID(1)
	w.apply(w.Revoke(w.log(), warrenv1.RevocationKind_REVOCATION_KIND_INVITE, first[:]), now, nil)
	wants(t, "after one was revoked", w.invite(1001, now, 7*day), nil)
	wants(t, "and then", w.invite(1002, now, time.Hour), state.ErrFull)
	w.apply(w.Claim(w.log(), 2, 1, nil), now, nil)
	wants(t, "after one was used", w.invite(1003, now, 7*day), nil)
	wants(t, "and then", w.invite(1004, now, time.Hour), state.ErrFull)
	wants(t, "when the first hour's have ended", w.invite(1005, 7*day+time.Minute, time.Hour), nil)
}

// Invites that end at once would fill the ledger slowly. Beyond a bound the
// oldest make room for their author's, and never for one that still waits.
func TestEndedInvitesMakeRoomForTheirAuthors(t *testing.T) {
	w := founded(t)
	n := 0
	for h := range (state.MaxKept + 49) / 50 {
		w.invites(n+1, n+50, time.Duration(h)*time.Hour, time.Minute)
		n += 50
		if h == 0 {
			w.apply(w.Claim(w.log(), 7, 1, nil), 30*time.Second, nil) // waits for a decision
		}
	}
	if got := len(w.state.Invites()); got != state.MaxKept {
		t.Fatalf("%d invites kept, want %d", got, state.MaxKept)
	}
	now := time.Duration(n/50) * time.Hour
	wants(t, "one more", w.invite(5000, now, time.Hour), nil)
	kept := len(w.state.Invites())
	// Those of the last day, the one that waits, the new one.
	if kept < 24*50 || kept > 25*50+2 {
		t.Errorf("%d invites kept after making room", kept)
	}
	if _, ok := w.state.Invite(w.InviteID(7)); !ok {
		t.Error("an invite whose claim waits was forgotten")
	}
	if _, ok := w.state.Invite(w.InviteID(1)); ok {
		t.Error("the oldest is still there")
	}
}
