package enrol

import (
	"crypto/ed25519"
	"slices"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
)

// Admit signs the records that a claim leads to, as entries that follow log:
// a technician's own record, the machine's, and a controller's.
func Admit(log *trust.Log, inv invite.Invite, claim invite.Claim, officer ed25519.PrivateKey, now time.Time) ([]*warrenv1.Statement, error) {
	var entries []*warrenv1.Statement
	for _, body := range records(inv, claim, now) {
		if device, ok := body.(*warrenv1.DeviceRecord); ok {
			ipv4, err := log.FreeIPv4(claim.Node)
			if err != nil {
				return nil, err
			}
			device.Ipv4 = ipv4.AsSlice()
		}
		entry, err := trust.SignEntry(log.Draft(now, body), officer)
		if err != nil {
			return nil, err
		}
		if log, err = log.Append(entry); err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func records(inv invite.Invite, claim invite.Claim, now time.Time) []any {
	device := &warrenv1.DeviceRecord{
		Key: claim.NodeKey, Name: claim.Name, Roles: []string{inv.Role}, Tags: slices.Clone(inv.Tags),
		Site: inv.Site, Customer: inv.Customer, Ownership: inv.Ownership,
		NotBefore: now.Unix(), Invite: inv.ID[:],
	}
	if life := trust.Lifetime(device.GetRoles(), inv.Ownership); life != 0 {
		device.NotAfter = now.Add(life).Unix()
	}
	if inv.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD {
		device.Owner = claim.Facts["user"]
	}
	bodies := []any{device}
	switch inv.Role {
	case invite.RoleTechnician:
		bodies = append(bodies, &warrenv1.TechnicianRecord{
			Name: claim.Name, Key: claim.Technician, Admin: inv.Admin, Node: claim.Node[:],
			NotBefore: now.Unix(), Invite: inv.ID[:],
		})
	case invite.RoleController:
		bodies = append(bodies, &warrenv1.ControllerRecord{Key: claim.NodeKey})
	}
	return bodies
}
