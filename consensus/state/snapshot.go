package state

import (
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

const (
	// Format is the layout that Marshal writes. It only rises; older ones stay
	// readable.
	Format = 3
	// MaxSnapshot bounds a snapshot: 512 MiB.
	MaxSnapshot = 512 << 20
)

var (
	// ErrFormat says that a newer version wrote a snapshot.
	ErrFormat = errors.New("snapshot of a newer version")
	// ErrSnapshot says that bytes are no snapshot, or one that does not verify.
	ErrSnapshot = errors.New("snapshot not acceptable")
)

// Marshal gives the whole view as a warrenv1.Snapshot. Equal states give equal
// bytes.
func (v View) Marshal() ([]byte, error) {
	m := &warrenv1.Snapshot{Format: Format, Revision: v.meta.revision, Policy: v.meta.policy, Commands: v.meta.format}
	if log := v.meta.log; log != nil {
		m.Entries, m.Revocations = log.Entries(0), log.Revocations()
	}
	txn := v.db.Txn(false)
	for _, row := range all[inviteRow](txn, tableInvites, byID) {
		m.Invites = append(m.Invites, row.statement)
		m.InviteTimes = append(m.InviteTimes, row.made.UnixMilli())
		if r := row.refused; r.Count != 0 {
			m.Refused = append(m.Refused, &warrenv1.RefusedClaims{
				Invite: row.invite.ID[:], Count: uint32(r.Count), Node: r.Node[:], From: r.From, Time: r.Time.UnixMilli(),
			})
		}
	}
	for _, row := range all[claimRow](txn, tableClaims, byID) {
		m.Claims = append(m.Claims, &warrenv1.StoredClaim{
			Claim: row.statement, From: row.from, Time: row.time.UnixMilli(),
			State: warrenv1.ClaimState(row.State), Rejection: row.rejection,
		})
	}
	m.Audit = v.marshalAudit(txn)
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode snapshot: %w", err)
	}
	if len(raw) > MaxSnapshot {
		return nil, fmt.Errorf("%w: %d bytes, over %d", ErrSnapshot, len(raw), MaxSnapshot)
	}
	return raw, nil
}

// Unmarshal replaces the state by what Marshal wrote, after it verified all of
// it again: the chain, every signature, the policy's hash, the bounds. On an
// error, ErrFormat or ErrSnapshot, the state stays as it was.
func (s *State) Unmarshal(raw []byte) error {
	if len(raw) > MaxSnapshot {
		return fmt.Errorf("%w: %d bytes, over %d", ErrSnapshot, len(raw), MaxSnapshot)
	}
	var m warrenv1.Snapshot
	if err := (proto.UnmarshalOptions{RecursionLimit: 16}).Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	switch {
	case m.GetFormat() == 0:
		return fmt.Errorf("%w: no format", ErrSnapshot)
	case m.GetCommands() > command.Newest:
		return fmt.Errorf("%w: commands of format %d, this one knows %d", ErrFormat, m.GetCommands(), command.Newest)
	case m.GetFormat() > Format, command.HasUnknown(&m):
		return fmt.Errorf("%w: format %d, this one reads %d", ErrFormat, m.GetFormat(), Format)
	}
	ch := &change{txn: s.db.Txn(true), meta: meta{ID: tableMeta}}
	defer ch.txn.Abort()
	for _, table := range []string{tableMeta, tableDevices, tableInvites, tableClaims, tableChains} {
		if _, err := ch.txn.DeleteAll(table, byID); err != nil {
			return fmt.Errorf("empty %s: %w", table, err)
		}
	}
	if err := ch.restore(&m); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	ch.meta.revision = m.GetRevision()
	ch.put(tableMeta, &ch.meta)
	ch.txn.Commit()
	return nil
}

func (ch *change) restore(m *warrenv1.Snapshot) error {
	if len(m.GetEntries()) == 0 {
		if proto.Size(m) != proto.Size(&warrenv1.Snapshot{Format: m.GetFormat(), Revision: m.GetRevision()}) {
			return errors.New("content without a genesis")
		}
		return nil
	}
	log, err := trust.Open(identity.HashOf(m.GetEntries()[0]), m.GetEntries(), m.GetRevocations())
	if err != nil {
		return err
	}
	if err := fits(m.GetPolicy(), log); err != nil {
		return err
	}
	ch.meta.policy, ch.meta.format = m.GetPolicy(), m.GetCommands()
	if err := ch.grow(log, 0); err != nil {
		return err
	}
	if len(m.GetInviteTimes()) != len(m.GetInvites()) {
		return fmt.Errorf("%w: %d times of %d invites", ErrInvalid, len(m.GetInviteTimes()), len(m.GetInvites()))
	}
	for i, s := range m.GetInvites() {
		if err := ch.restoreInvite(s, m.GetInviteTimes()[i]); err != nil {
			return fmt.Errorf("invite %d: %w", i, err)
		}
	}
	for i, r := range m.GetRefused() {
		if err := ch.restoreRefused(r); err != nil {
			return fmt.Errorf("refused claims %d: %w", i, err)
		}
	}
	for i, c := range m.GetClaims() {
		if err := ch.restoreClaim(c); err != nil {
			return fmt.Errorf("claim %d: %w", i, err)
		}
	}
	return ch.restoreAudit(m.GetAudit())
}

// restoreInvite asks of an invite what stays true: its signer may be revoked
// by now, or the invite itself.
func (ch *change) restoreInvite(s *warrenv1.Statement, made int64) error {
	inv, err := invite.Read(s, ch.meta.log.Mesh())
	if err != nil {
		return err
	}
	if !validTime(made) {
		return fmt.Errorf("%w: time %d", ErrInvalid, made)
	}
	t, ok := ch.meta.log.Technician(inv.Signer)
	switch {
	case !ok || t.Name != inv.Inviter || !t.Admin && (inv.Role == invite.RoleTechnician || !inv.Approval):
		return fmt.Errorf("%w: its signer may not give it", ErrDenied)
	case !ch.meta.log.Contains(inv.Head, inv.HeadSequence):
		return fmt.Errorf("%w: newer than the trust log", ErrStale)
	case get[inviteRow](ch.txn, tableInvites, byID, inviteKey(inv.ID)) != nil:
		return fmt.Errorf("%w: invite %s", ErrTaken, inviteKey(inv.ID))
	case ch.meta.invites >= MaxInvites:
		return fmt.Errorf("%w: over %d invites", ErrFull, MaxInvites)
	}
	ch.put(tableInvites, newInvite(inv, s, unixMilli(made)))
	ch.meta.invites++
	return nil
}

func (ch *change) restoreRefused(r *warrenv1.RefusedClaims) error {
	var id invite.ID
	refused := Refused{Count: int(r.GetCount()), From: r.GetFrom(), Time: unixMilli(r.GetTime())}
	if copy(id[:], r.GetInvite()) != len(r.GetInvite()) || copy(refused.Node[:], r.GetNode()) != len(r.GetNode()) ||
		len(r.GetNode()) != len(refused.Node) || refused.Count == 0 || refused.Count > MaxRefused ||
		!identity.ValidText(refused.From, MaxFrom) || !validTime(r.GetTime()) {
		return fmt.Errorf("%w: a count of %d", ErrInvalid, r.GetCount())
	}
	row := get[inviteRow](ch.txn, tableInvites, byID, inviteKey(id))
	if row == nil || row.refused.Count != 0 {
		return fmt.Errorf("%w: no invite %s, or twice", ErrUnknown, inviteKey(id))
	}
	next := *row
	next.refused = refused
	ch.put(tableInvites, &next)
	return nil
}

func (ch *change) restoreClaim(m *warrenv1.StoredClaim) error {
	inviteRow, claim, err := ch.claimed(m.GetClaim())
	if err != nil {
		return err
	}
	row := newClaim(claim, m.GetClaim())
	row.from, row.time, row.State, row.rejection = m.GetFrom(), unixMilli(m.GetTime()), int(m.GetState()), m.GetRejection()
	bound := all[claimRow](ch.txn, tableClaims, byInvite, row.Invite)
	switch {
	case !identity.ValidText(row.from, MaxFrom) || !validTime(m.GetTime()):
		return fmt.Errorf("%w: time %d, from %.40q", ErrInvalid, m.GetTime(), row.from)
	case get[claimRow](ch.txn, tableClaims, byID, row.ID) != nil:
		return fmt.Errorf("%w: two claims of machine %s", ErrTaken, claim.Node.Short())
	case len(bound) >= inviteRow.invite.Uses:
		return fmt.Errorf("%w: invite %s", ErrUsed, row.Invite)
	case ch.meta.claims >= MaxClaims, row.State == pending && ch.meta.pending >= MaxPending:
		return fmt.Errorf("%w: %d claims, %d of them pending", ErrFull, ch.meta.claims, ch.meta.pending)
	}
	if err := ch.stands(row); err != nil {
		return err
	}
	ch.meta.claims++
	if row.State == pending {
		ch.meta.pending++
	}
	ch.put(tableClaims, row)
	return nil
}

// stands asks whether what decided a claim is there.
func (ch *change) stands(row *claimRow) error {
	if (row.State == rejected) != (row.rejection != nil) {
		return fmt.Errorf("%w: state %d with or without a rejection", ErrInvalid, row.State)
	}
	switch row.State {
	case pending:
		return nil
	case admitted:
		_, device := ch.meta.log.Device(row.claim.Node)
		_, technician := ch.meta.log.Technician(row.claim.Technician)
		if !device && !technician {
			return fmt.Errorf("%w: machine %s is not in the trust log", ErrDenied, row.claim.Node.Short())
		}
		return nil
	case rejected:
		id, node, signer, _, err := readRejection(row.rejection, ch.meta.log.Mesh())
		if err != nil {
			return err
		}
		if t, ok := ch.meta.log.Technician(signer); !ok || !t.Admin || claimKey(id, node) != row.ID {
			return fmt.Errorf("%w: rejection by nobody who may", ErrDenied)
		}
		return nil
	default:
		return fmt.Errorf("%w: claim state %d", ErrInvalid, row.State)
	}
}

func unixMilli(t int64) time.Time { return time.UnixMilli(t).UTC() }

// validTime keeps times within what both milliseconds and a time.Time hold.
func validTime(t int64) bool { return t >= 0 && t <= math.MaxInt64/int64(time.Millisecond) }
