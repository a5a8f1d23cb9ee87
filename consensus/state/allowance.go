package state

import (
	"fmt"
	"time"

	"warren/consensus/invite"
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
