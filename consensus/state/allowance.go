package state

import (
	"fmt"
	"time"

	"warren/consensus/audit"
	"warren/consensus/invite"
	"warren/mesh/identity"
)

const (
	// MaxOpen bounds the invites of one technician that still take machines.
	MaxOpen = 500
	// MaxHourly bounds what one technician makes within an hour.
	MaxHourly = 60
	// MaxKept bounds what is kept of one technician's invites: the open ones
	// and a day's. Beyond it those forgotten are that ended ownAfter ago.
	MaxKept  = 2_000
	ownAfter = 24 * time.Hour

	// NoteEvery is how often one device may note in the long run, NotesAtOnce
	// how many it may at once: all that a notebook holds, twice. Notes stay in
	// the log, and push older ones' text out of it.
	NoteEvery   = 5 * time.Second
	NotesAtOnce = 4096
)

// allowance keeps one technician from filling the ledger, which would keep all
// others from inviting. Time is the leader's stamp, now and when the earlier
// ones were made: an invite's own times are its author's.
func (ch *change) allowance(inv invite.Invite) error {
	rows := ch.invitesBy(inv)
	if len(rows) < MaxHourly {
		return nil
	}
	var recent, open int
	for _, row := range rows {
		if ch.now.Sub(row.made).Abs() < time.Hour { // a clock set back must not shut anybody out for longer
			recent++
		}
		if ch.isOpen(row) {
			open++
		}
	}
	switch {
	case recent >= MaxHourly:
		return fmt.Errorf("%w: technician %s made %d invites within the hour", ErrOften, inv.Inviter, recent)
	case open >= MaxOpen:
		return fmt.Errorf("%w: technician %s has %d open invites", ErrFull, inv.Inviter, open)
	case len(rows) < MaxKept:
		return nil
	}
	ch.forget(rows, ownAfter)
	if left := len(ch.invitesBy(inv)); left >= MaxKept {
		return fmt.Errorf("%w: technician %s has %d invites", ErrFull, inv.Inviter, left)
	}
	return nil
}

func (ch *change) invitesBy(inv invite.Invite) []*inviteRow {
	return all[inviteRow](ch.txn, tableInvites, bySigner, newInvite(inv, nil, time.Time{}).Signer)
}

// isOpen reports whether an invite still takes machines.
func (ch *change) isOpen(row *inviteRow) bool {
	return ch.now.Before(row.invite.NotAfter) && !ch.meta.log.InviteRevoked(row.invite.ID[:]) &&
		len(all[claimRow](ch.txn, tableClaims, byInvite, row.ID)) < row.invite.Uses
}

// noteAllowance counts notes of a device: each puts off by NoteEvery when all
// of them are paid, which may be NotesAtOnce ahead. (A leaky bucket as a time;
// ITU-T I.371 calls it the virtual scheduling algorithm.)
func (ch *change) noteAllowance(row *chainRow, notes int) error {
	if ch.meta.commands() < bounded || notes == 0 {
		return nil
	}
	if left := row.left(ch.now); notes > left {
		return fmt.Errorf("%w: machine %s has %d new notes and may have %d recorded now", ErrOften, row.node.Short(), notes, left)
	}
	row.due = row.paid(ch.now).Add(time.Duration(notes) * NoteEvery)
	return nil
}

// paid is when all that was noted until now is. Nobody is twice as far ahead as
// one may be, but for a leader whose clock was: that counts no longer.
func (r *chainRow) paid(now time.Time) time.Time {
	if r.due.Before(now) || r.due.After(now.Add(2*NotesAtOnce*NoteEvery)) {
		return now
	}
	return r.due
}

// left is how many notes the device may have recorded now.
func (r *chainRow) left(now time.Time) int {
	return max(0, NotesAtOnce-int((r.paid(now).Sub(now)+NoteEvery-1)/NoteEvery))
}

// MayNote reports whether a device may have that many of these notes recorded
// now as the log has not yet.
func (v View) MayNote(id identity.NodeID, notes []audit.Note, now time.Time) bool {
	row := get[chainRow](v.db.Txn(false), tableChains, byID, id.String())
	if row == nil || v.meta.commands() < bounded {
		return true
	}
	fresh := 0
	for _, n := range notes {
		if n.Chain > row.chain.Number || n.Chain == row.chain.Number && n.Sequence > row.chain.Sequence {
			fresh++
		}
	}
	return fresh <= row.left(now)
}
