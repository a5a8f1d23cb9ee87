package state

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/invite"
	"warren/mesh/identity"
)

const (
	// skew is how far the leader's clock may lag behind an inviter's.
	skew = 10 * time.Minute
	// forgetAfter is how long after its end an invite may make room.
	forgetAfter = 30 * 24 * time.Hour
)

// makeInvite stores an invite. The same one again is a success that changes
// nothing.
func (ch *change) makeInvite(m *warrenv1.InviteMade) error {
	s := m.GetInvite()
	inv, err := invite.Open(s, ch.meta.log.Mesh(), ch.meta.log)
	if err != nil {
		return err
	}
	if row := get[inviteRow](ch.txn, tableInvites, byID, inviteKey(inv.ID)); row != nil {
		if identity.HashOf(row.statement) == identity.HashOf(s) {
			return nil
		}
		return fmt.Errorf("%w: invite %s", ErrTaken, inviteKey(inv.ID))
	}
	if err := usable(inv, ch.now); err != nil {
		return err
	}
	if inv.NotBefore.After(ch.now.Add(skew)) {
		return fmt.Errorf("%w: invite %s begins in the future", ErrInvalid, inviteKey(inv.ID))
	}
	if err := ch.allowance(inv); err != nil {
		return err
	}
	if err := ch.room(); err != nil {
		return err
	}
	ch.put(tableInvites, newInvite(inv, s, ch.now))
	ch.meta.invites++
	ch.record(audit.InviteMade(ch.meta.log, inv, s))
	return nil
}

// usable is Invite.At with the leader's clock, which may lag.
func usable(inv invite.Invite, now time.Time) error {
	err := inv.At(now)
	if errors.Is(err, invite.ErrNotYet) && !now.Add(skew).Before(inv.NotBefore) {
		return nil
	}
	return err
}

// room fails where no further invite fits, after it forgot those that ended
// long ago, with their claims. What they granted stands in the trust log.
func (ch *change) room() error {
	if ch.meta.invites < MaxInvites {
		return nil
	}
	ch.forget(all[inviteRow](ch.txn, tableInvites, byID), forgetAfter)
	if ch.meta.invites >= MaxInvites {
		return fmt.Errorf("%w: %d invites", ErrFull, ch.meta.invites)
	}
	return nil
}

// forget drops those of rows that ended longer ago than after and that no
// machine waits on.
func (ch *change) forget(rows []*inviteRow, after time.Duration) {
	for _, row := range rows {
		if ch.now.Sub(row.invite.NotAfter) < after {
			continue
		}
		claims := all[claimRow](ch.txn, tableClaims, byInvite, row.ID)
		if anyPending(claims) {
			continue
		}
		for _, claim := range claims {
			ch.drop(tableClaims, claim)
			ch.meta.claims--
		}
		ch.drop(tableInvites, row)
		ch.meta.invites--
	}
}

func anyPending(claims []*claimRow) bool {
	for _, c := range claims {
		if c.State == pending {
			return true
		}
	}
	return false
}

// claimInvite binds one use of an invite to one machine: the compare-and-set
// that makes an invite good for as many machines as it says.
//
// The machine that has a use may come again, and while it waits its newer
// claim replaces the older. A further machine is refused, counted and shown.
func (ch *change) claimInvite(m *warrenv1.InviteClaimed) error {
	s := m.GetClaim()
	if !identity.ValidText(m.GetFrom(), MaxFrom) {
		return fmt.Errorf("%w: an address that is not printable or over %d bytes", ErrInvalid, MaxFrom)
	}
	row, claim, err := ch.claimed(s)
	if err != nil {
		return err
	}
	earlier := get[claimRow](ch.txn, tableClaims, byID, claimKey(claim.Invite, claim.Node))
	switch {
	case earlier == nil:
	case earlier.State == rejected:
		return fmt.Errorf("%w: machine %s was turned down", ErrDenied, claim.Node.Short())
	case earlier.State == admitted, identity.HashOf(earlier.statement) == identity.HashOf(s):
		return nil
	}
	if err := ch.open(row, claim); err != nil {
		return err
	}
	if earlier == nil {
		if err := ch.bind(row, claim, m); err != nil {
			return err
		}
		ch.record(audit.Claimed(warrenv1.AuditAct_AUDIT_ACT_MACHINE_CLAIMED, row.invite, claim, m.GetFrom(), s))
	} else if claim.Time.Before(earlier.claim.Time) || claim.Keys.Counter < earlier.claim.Keys.Counter {
		return fmt.Errorf("%w: machine %s sent a newer claim before", ErrStale, claim.Node.Short())
	}
	next := newClaim(claim, s)
	next.from, next.time = m.GetFrom(), ch.now
	ch.put(tableClaims, next)
	return nil
}

// claimed verifies a claim against the invite it names.
func (ch *change) claimed(s *warrenv1.Statement) (*inviteRow, invite.Claim, error) {
	var c warrenv1.Claim
	if err := identity.Decode(s, identity.TypeClaim, &c); err != nil {
		return nil, invite.Claim{}, err
	}
	var id invite.ID
	if copy(id[:], c.GetInvite()) != len(c.GetInvite()) {
		return nil, invite.Claim{}, fmt.Errorf("%w: an invite id of %d bytes", ErrInvalid, len(c.GetInvite()))
	}
	row := get[inviteRow](ch.txn, tableInvites, byID, inviteKey(id))
	if row == nil {
		return nil, invite.Claim{}, fmt.Errorf("%w: no invite %s", ErrUnknown, inviteKey(id))
	}
	claim, err := invite.OpenClaim(s, row.invite)
	return row, claim, err
}

// open asks whether the invite still takes claims, and this machine's.
func (ch *change) open(row *inviteRow, claim invite.Claim) error {
	log := ch.meta.log
	switch {
	case log.InviteRevoked(claim.Invite[:]):
		return fmt.Errorf("%w: invite %s", ErrRevoked, row.ID)
	case log.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_NODE, claim.Node[:]):
		return fmt.Errorf("%w: machine %s; it needs a new key", ErrRevoked, claim.Node.Short())
	case log.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, row.invite.Signer):
		return fmt.Errorf("%w: technician %s, who made invite %s", ErrRevoked, row.invite.Inviter, row.ID)
	}
	if d, ok := log.Device(claim.Node); ok && row.invite.Role != invite.RoleTechnician {
		return fmt.Errorf("%w: machine %s is in the mesh as %s", ErrTaken, claim.Node.Short(), d.Name)
	}
	return usable(row.invite, ch.now)
}

func (ch *change) bind(row *inviteRow, claim invite.Claim, m *warrenv1.InviteClaimed) error {
	bound := len(all[claimRow](ch.txn, tableClaims, byInvite, row.ID))
	if bound >= row.invite.Uses {
		if row.refused.Count < MaxRefused {
			next := *row
			next.refused = Refused{Count: row.refused.Count + 1, Node: claim.Node, From: m.GetFrom(), Time: ch.now}
			ch.put(tableInvites, &next)
			ch.counted = true
			ch.record(audit.Claimed(warrenv1.AuditAct_AUDIT_ACT_CLAIM_REFUSED, row.invite, claim, m.GetFrom(), m.GetClaim()))
		}
		return fmt.Errorf("%w: invite %s, %d of %d", ErrUsed, row.ID, bound, row.invite.Uses)
	}
	if ch.meta.pending >= MaxPending {
		return fmt.Errorf("%w: %d claims wait for a decision", ErrFull, ch.meta.pending)
	}
	if ch.meta.claims >= MaxClaims {
		return fmt.Errorf("%w: %d claims", ErrFull, ch.meta.claims)
	}
	ch.meta.claims++
	ch.meta.pending++
	return nil
}

// rejectClaim turns a machine down for good. The same again changes nothing.
func (ch *change) rejectClaim(m *warrenv1.ClaimRejected) error {
	s := m.GetRejection()
	id, node, signer, at, err := readRejection(s, ch.meta.log.Mesh())
	if err != nil {
		return err
	}
	name, admin, err := ch.meta.log.Inviter(signer, at)
	if err != nil {
		return err
	}
	if !admin {
		return fmt.Errorf("%w: %s is no admin", ErrDenied, name)
	}
	claim := get[claimRow](ch.txn, tableClaims, byID, claimKey(id, node))
	switch {
	case claim == nil:
		return fmt.Errorf("%w: machine %s claimed no use of invite %s", ErrUnknown, node.Short(), inviteKey(id))
	case claim.State == rejected:
		return nil
	case claim.State == admitted:
		return fmt.Errorf("%w: machine %s is admitted; it can be revoked", ErrStale, node.Short())
	}
	ch.decide(claim, rejected, s)
	ch.record(audit.Rejected(ch.meta.log, claim.claim, s))
	return nil
}

// readRejection checks what needs no log.
func readRejection(s *warrenv1.Statement, mesh identity.MeshID) (id invite.ID, node identity.NodeID, signer []byte, at time.Time, err error) {
	var m warrenv1.Rejection
	signers, err := identity.Open(s, identity.TypeRejection, &m)
	if err != nil {
		return id, node, nil, at, err
	}
	switch {
	case len(signers) != 1:
		err = fmt.Errorf("%w: rejection with %d signatures, want one", ErrInvalid, len(signers))
	case !bytes.Equal(m.GetMesh(), mesh[:]):
		err = fmt.Errorf("%w: rejection of another mesh", ErrInvalid)
	case len(m.GetInvite()) != len(id) || len(m.GetNode()) != len(node):
		err = fmt.Errorf("%w: rejection of an invite or node of the wrong size", ErrInvalid)
	case m.GetTime() < 0 || m.GetTime() > math.MaxInt64/int64(time.Millisecond):
		err = fmt.Errorf("%w: time %d", ErrInvalid, m.GetTime())
	}
	copy(id[:], m.GetInvite())
	copy(node[:], m.GetNode())
	return id, node, signers[0], time.UnixMilli(m.GetTime()), err
}

// SignRejection makes the statement that turns node's claim on an invite down,
// with an admin's key.
func SignRejection(mesh identity.MeshID, id invite.ID, node identity.NodeID, now time.Time, admin ed25519.PrivateKey) (*warrenv1.Statement, error) {
	return identity.Sign(identity.TypeRejection, &warrenv1.Rejection{
		Mesh: mesh[:], Invite: id[:], Node: node[:], Time: now.UnixMilli(),
	}, admin)
}
