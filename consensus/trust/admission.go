package trust

import (
	"errors"
	"fmt"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
)

// admission lets a machine in by its invite alone. The right flows from the
// two statements inside. A controller signs for the place in the chain, or
// else whoever has a link could hand a machine a chain of his own making.
func (w *writer) admission(m *warrenv1.Admission) error {
	if err := w.byController(); err != nil {
		return fmt.Errorf("admission: %w", err)
	}
	inv, err := invite.Open(m.GetInvite(), w.mesh, w)
	if err != nil {
		return errors.Join(kindOf(err), err)
	}
	if inv.Approval {
		return fmt.Errorf("%w: the invite asks for approval", ErrUnauthorised)
	}
	claim, err := invite.OpenClaim(m.GetClaim(), inv)
	if err != nil {
		return errors.Join(ErrInvalid, err)
	}
	// The machine's clock and that of who orders: the holder of a link can set
	// his own back.
	for _, at := range []time.Time{claim.Time, w.decoded.time()} {
		if err := inv.At(at); err != nil {
			return errors.Join(ErrUnauthorised, err)
		}
	}
	if used := len(w.InviteUses(inv.ID[:])); used >= inv.Uses {
		return fmt.Errorf("%w: %d of %d", ErrUsed, used, inv.Uses)
	}
	return w.device(Device{
		ID: claim.Node, Key: claim.NodeKey, Name: claim.Name, Roles: []string{inv.Role}, Tags: inv.Tags,
		Site: inv.Site, Customer: inv.Customer, Ownership: inv.Ownership, IPv4: claim.IPv4,
		NotBefore: claim.Time, NotAfter: claim.Time.Add(ManagedLifetime), Invite: inv.ID[:], Approver: inv.Inviter,
	})
}

func kindOf(err error) error {
	switch {
	case errors.Is(err, invite.ErrUnauthorised):
		return ErrUnauthorised
	case errors.Is(err, invite.ErrRevoked):
		return ErrRevoked
	default:
		return ErrInvalid
	}
}
