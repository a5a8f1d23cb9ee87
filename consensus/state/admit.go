package state

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

// admit compares every record that names an invite with the claim it answers,
// and marks the claim as admitted. A record whose scope is not the invite's is
// refused, so that what the inviter signed and what the approver signed are
// one thing; an invite cannot be stretched by a slip or a trick at approval.
func (ch *change) admit(log *trust.Log, entries []*warrenv1.Statement) error {
	for _, s := range entries {
		e, err := entryIn(s)
		if err != nil {
			return err
		}
		switch body := e.GetBody().(type) {
		case *warrenv1.Entry_Device:
			err = ch.admitDevice(log, body.Device)
		case *warrenv1.Entry_Technician:
			err = ch.admitTechnician(log, body.Technician)
		case *warrenv1.Entry_Admission:
			err = ch.admitAlone(log, body.Admission)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (ch *change) admitDevice(log *trust.Log, m *warrenv1.DeviceRecord) error {
	if len(m.GetInvite()) == 0 {
		return nil
	}
	row, claim, err := ch.answered(log, m.GetInvite(), identity.NodeIDOf(m.GetKey()))
	if err != nil {
		return err
	}
	inv := row.invite
	role := func(r string) bool { return r != inv.Role && r != invite.RoleDevice }
	switch {
	case !slices.Contains(m.GetRoles(), inv.Role) || slices.ContainsFunc(m.GetRoles(), role):
		return fmt.Errorf("%w: roles %q where the invite gives %s", ErrDenied, m.GetRoles(), inv.Role)
	case !sameSet(m.GetTags(), inv.Tags):
		return fmt.Errorf("%w: tags %q where the invite gives %q", ErrDenied, m.GetTags(), inv.Tags)
	case m.GetSite() != inv.Site || m.GetCustomer() != inv.Customer:
		return fmt.Errorf("%w: site %q, customer %q where the invite gives %q, %q", ErrDenied,
			m.GetSite(), m.GetCustomer(), inv.Site, inv.Customer)
	case m.GetOwnership() != inv.Ownership:
		return fmt.Errorf("%w: another ownership than the invite's", ErrDenied)
	}
	ch.decide(claim, admitted, nil)
	return nil
}

func (ch *change) admitTechnician(log *trust.Log, m *warrenv1.TechnicianRecord) error {
	if len(m.GetInvite()) == 0 {
		return nil
	}
	var node identity.NodeID
	copy(node[:], m.GetNode())
	row, claim, err := ch.answered(log, m.GetInvite(), node)
	if err != nil {
		return err
	}
	switch {
	case row.invite.Role != invite.RoleTechnician:
		return fmt.Errorf("%w: the invite gives the role %s", ErrDenied, row.invite.Role)
	case !claim.claim.Technician.Equal(ed25519.PublicKey(m.GetKey())):
		return fmt.Errorf("%w: another technician's key than the claim's", ErrDenied)
	case m.GetAdmin() && !row.invite.Admin:
		return fmt.Errorf("%w: the invite makes no admin", ErrDenied)
	}
	ch.decide(claim, admitted, nil)
	return nil
}

func (ch *change) admitAlone(log *trust.Log, m *warrenv1.Admission) error {
	var c warrenv1.Claim
	if err := proto.Unmarshal(m.GetClaim().GetPayload(), &c); err != nil {
		return fmt.Errorf("%w: decode claim: %w", ErrInvalid, err)
	}
	row, claim, err := ch.answered(log, c.GetInvite(), identity.NodeIDOf(c.GetNode()))
	if err != nil {
		return err
	}
	if identity.HashOf(m.GetInvite()) != identity.HashOf(row.statement) {
		return fmt.Errorf("%w: another invite under the same number", ErrDenied)
	}
	ch.decide(claim, admitted, nil)
	return nil
}

// answered finds the invite and the open claim of node that a record names. A
// technician's machine and person are two records of one claim.
func (ch *change) answered(log *trust.Log, id []byte, node identity.NodeID) (*inviteRow, *claimRow, error) {
	var inviteID invite.ID
	if copy(inviteID[:], id) != len(id) {
		return nil, nil, fmt.Errorf("%w: an invite id of %d bytes", ErrInvalid, len(id))
	}
	row := get[inviteRow](ch.txn, tableInvites, byID, inviteKey(inviteID))
	claim := get[claimRow](ch.txn, tableClaims, byID, claimKey(inviteID, node))
	switch {
	case row == nil:
		return nil, nil, fmt.Errorf("%w: no invite %s", ErrUnknown, inviteKey(inviteID))
	case claim == nil:
		return nil, nil, fmt.Errorf("%w: machine %s claimed no use of invite %s", ErrUnknown, node.Short(), inviteKey(inviteID))
	case claim.State == rejected:
		return nil, nil, fmt.Errorf("%w: machine %s was turned down", ErrDenied, node.Short())
	case log.InviteRevoked(inviteID[:]):
		return nil, nil, fmt.Errorf("%w: invite %s", ErrRevoked, inviteKey(inviteID))
	}
	return row, claim, nil
}

func (ch *change) decide(claim *claimRow, state int, rejection *warrenv1.Statement) {
	if claim.State == pending {
		ch.meta.pending--
	}
	next := *claim
	next.State, next.rejection = state, rejection
	ch.put(tableClaims, &next)
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
