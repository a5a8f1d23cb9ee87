package state

import (
	"bytes"
	"slices"
	"time"

	"github.com/hashicorp/go-memdb"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/audit"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// View is the state at one moment. It never changes, and its methods may be
// called from any goroutine. What it returns is shared and not to be changed.
type View struct {
	db   *memdb.MemDB
	meta meta
}

// InviteRow is an invite and what became of it.
type InviteRow struct {
	Invite    invite.Invite
	Statement *warrenv1.Statement
	// Nodes are the machines its uses are bound to, the first one first.
	Nodes   []identity.NodeID
	Refused Refused
	Revoked bool
}

// Refused tells of machines that came when every use was bound to others.
type Refused struct {
	// Count stops at MaxRefused.
	Count int
	// Node, From and Time are of the newest attempt.
	Node identity.NodeID
	From string
	Time time.Time
}

// ClaimRow is a machine's claim on an invite and where it stands.
type ClaimRow struct {
	Claim     invite.Claim
	Statement *warrenv1.Statement
	// From is the underlay address the claim came from.
	From string
	// Time is the leader's clock when the claim came.
	Time  time.Time
	State warrenv1.ClaimState
	// Rejection is what turned it down, else nil.
	Rejection *warrenv1.Statement
}

// Snapshot is the view of now. It costs the same at any size.
func (s *State) Snapshot() View {
	db := s.db.Snapshot()
	return View{db: db, meta: metaIn(db.Txn(false))}
}

// Watch is closed at the next change. Take it before the view that it is to
// follow.
func (s *State) Watch() <-chan struct{} {
	ch, _, err := s.db.Txn(false).FirstWatch(tableMeta, byID, tableMeta)
	if err != nil {
		panic(err)
	}
	return ch
}

// Log is the trust log; nil before founding.
func (v View) Log() *trust.Log { return v.meta.log }

// Policy is the policy's text. Its revision is the log's.
func (v View) Policy() []byte { return v.meta.policy }

// Format is the format of commands in force, from 1 on: see command.Newest.
func (v View) Format() uint32 { return v.meta.commands() }

// Revision is the Raft index of the newest change; 0 before the first.
func (v View) Revision() uint64 { return v.meta.revision }

// Filled is how much of MaxSnapshot the state takes, in percent.
func (v View) Filled() int { return v.meta.total() * 100 / MaxSnapshot }

// Audit is the audit log.
func (v View) Audit() audit.Log { return v.meta.audit }

// Chain is where a device's notes are.
func (v View) Chain(device identity.NodeID) audit.Chain {
	if row := get[chainRow](v.db.Txn(false), tableChains, byID, device.String()); row != nil {
		return row.chain
	}
	return audit.Chain{}
}

// Invites lists all invites by id.
func (v View) Invites() []InviteRow {
	txn := v.db.Txn(false)
	rows := all[inviteRow](txn, tableInvites, byID)
	out := make([]InviteRow, 0, len(rows))
	for _, row := range rows {
		out = append(out, v.invite(txn, row))
	}
	return out
}

// Invite finds one.
func (v View) Invite(id invite.ID) (InviteRow, bool) {
	txn := v.db.Txn(false)
	row := get[inviteRow](txn, tableInvites, byID, inviteKey(id))
	if row == nil {
		return InviteRow{}, false
	}
	return v.invite(txn, row), true
}

func (v View) invite(txn *memdb.Txn, row *inviteRow) InviteRow {
	claims := all[claimRow](txn, tableClaims, byInvite, row.ID)
	slices.SortFunc(claims, older)
	out := InviteRow{Invite: row.invite, Statement: row.statement, Refused: row.refused}
	for _, c := range claims {
		out.Nodes = append(out.Nodes, c.claim.Node)
	}
	out.Revoked = v.meta.log.InviteRevoked(row.invite.ID[:])
	return out
}

// Claims lists all claims, the oldest first.
func (v View) Claims() []ClaimRow {
	return v.claims(all[claimRow](v.db.Txn(false), tableClaims, byID))
}

// Pending lists the claims that wait for a decision, the oldest first.
func (v View) Pending() []ClaimRow {
	return v.claims(all[claimRow](v.db.Txn(false), tableClaims, byState, pending))
}

func (v View) claims(rows []*claimRow) []ClaimRow {
	slices.SortFunc(rows, older)
	out := make([]ClaimRow, 0, len(rows))
	for _, row := range rows {
		out = append(out, row.public())
	}
	return out
}

// Claim finds a machine's claim on an invite.
func (v View) Claim(id invite.ID, node identity.NodeID) (ClaimRow, bool) {
	row := get[claimRow](v.db.Txn(false), tableClaims, byID, claimKey(id, node))
	if row == nil {
		return ClaimRow{}, false
	}
	return row.public(), true
}

func (row *claimRow) public() ClaimRow {
	return ClaimRow{
		Claim: row.claim, Statement: row.statement, From: row.from, Time: row.time,
		State: warrenv1.ClaimState(row.State), Rejection: row.rejection,
	}
}

// Tagged lists the machines that bear a tag, the revoked included.
func (v View) Tagged(tag string) []trust.Device {
	var out []trust.Device
	for _, row := range all[deviceRow](v.db.Txn(false), tableDevices, byTag, tag) {
		if d, ok := v.meta.log.Device(row.node); ok {
			out = append(out, d)
		}
	}
	return out
}

func older(a, b *claimRow) int {
	if c := a.time.Compare(b.time); c != 0 {
		return c
	}
	return bytes.Compare(a.claim.Node[:], b.claim.Node[:])
}

// Log is View.Log now.
func (s *State) Log() *trust.Log { return s.Snapshot().Log() }

// Policy is View.Policy now.
func (s *State) Policy() []byte { return s.Snapshot().Policy() }

// Revision is View.Revision now.
func (s *State) Revision() uint64 { return s.Snapshot().Revision() }

// Invites is View.Invites now.
func (s *State) Invites() []InviteRow { return s.Snapshot().Invites() }

// Invite is View.Invite now.
func (s *State) Invite(id invite.ID) (InviteRow, bool) { return s.Snapshot().Invite(id) }

// Claims is View.Claims now.
func (s *State) Claims() []ClaimRow { return s.Snapshot().Claims() }

// Pending is View.Pending now.
func (s *State) Pending() []ClaimRow { return s.Snapshot().Pending() }

// Claim is View.Claim now.
func (s *State) Claim(id invite.ID, node identity.NodeID) (ClaimRow, bool) {
	return s.Snapshot().Claim(id, node)
}

// Marshal is View.Marshal now.
func (s *State) Marshal() ([]byte, error) { return s.Snapshot().Marshal() }
