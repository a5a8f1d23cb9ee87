package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
)

type inviteService struct{ *Local }

// Create implements InviteService.
func (s inviteService) Create(ctx context.Context, req *warrenv1.CreateInviteRequest) (*warrenv1.CreateInviteResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	t, key, err := r.person(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkInvite(req, t); err != nil {
		return nil, err
	}
	public, endpoints := r.awaitDoors(ctx)
	if len(endpoints) == 0 {
		return nil, fault.New(fault.Unavailable, "no controller has told where it can be reached").Try("again when one is up")
	}
	secret, err := invite.NewSecret(rand.Reader)
	if err != nil {
		return nil, err
	}
	log, now := r.log(), time.Now()
	link := invite.Link{Mesh: log.Mesh(), Secret: secret, Controllers: endpoints}
	if _, err := rand.Read(link.ID[:]); err != nil {
		return nil, fmt.Errorf("draw invite id: %w", err)
	}
	pub, _ := invite.Key(secret).Public().(ed25519.PublicKey)
	head := log.Head()
	inv := &warrenv1.Invite{
		Mesh: link.Mesh[:], Id: link.ID[:], Key: pub, Role: req.GetRole(), Tags: req.GetTags(),
		Site: req.GetSite(), Customer: req.GetCustomer(), Admin: req.GetAdmin(), Uses: req.GetUses(),
		Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED, Approval: !req.GetNoApproval(),
		NotBefore: now.Unix(), NotAfter: now.Unix() + req.GetExpires(),
		Head: head[:], HeadSequence: log.Len() - 1, Inviter: t.Name,
	}
	if req.GetOwnerDevice() {
		inv.Ownership = warrenv1.Ownership_OWNERSHIP_BYOD
	}
	stmt, err := invite.Sign(inv, key)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	if _, err := r.propose(ctx, &warrenv1.InviteMade{Invite: stmt}); err != nil {
		return nil, err
	}
	return &warrenv1.CreateInviteResponse{
		Id: hex.EncodeToString(link.ID[:]), Link: link.String(public), Expires: inv.GetNotAfter(),
	}, nil
}

// checkInvite says in plain words what signing and ordering would refuse.
func checkInvite(req *warrenv1.CreateInviteRequest, t trust.Technician) error {
	switch req.GetRole() {
	case invite.RoleDevice, invite.RoleGateway, invite.RoleController, invite.RoleTechnician:
	default:
		return fault.New(fault.Invalid, "no role %q", req.GetRole()).Try("--role device, gateway, controller or technician")
	}
	plain := req.GetRole() == invite.RoleDevice && !req.GetOwnerDevice()
	switch {
	case req.GetAdmin() && req.GetRole() != invite.RoleTechnician:
		return fault.New(fault.Invalid, "only a technician can be an admin").Try("--role technician --admin")
	case req.GetNoApproval() && !plain:
		return fault.New(fault.Invalid, "only plain devices can come in without approval").Try("the same without --no-approval")
	case req.GetOwnerDevice() && req.GetRole() != invite.RoleDevice:
		return fault.New(fault.Invalid, "a private machine can only be a device").Try("--owner-device without --role")
	case req.GetUses() == 0 || req.GetUses() > invite.MaxUses:
		return fault.New(fault.Invalid, "--uses %d is not between 1 and %d", req.GetUses(), invite.MaxUses).Try("--uses 10")
	case req.GetUses() > 1 && !plain:
		return fault.New(fault.Invalid, "only invites for plain devices can be used more than once").Try("--uses 1")
	case req.GetExpires() <= 0 || req.GetExpires() > int64(invite.MaxLifetime/time.Second):
		return fault.New(fault.Invalid, "an invite lives for up to %.0fh", invite.MaxLifetime.Hours()).Try("--expires 168h")
	}
	for _, tag := range req.GetTags() {
		if !identity.ValidName(tag) {
			return fault.New(fault.Invalid, "tag %q is not 1 to %d of a-z, 0-9 and -", tag, identity.MaxName).Try("--tag kiosk")
		}
	}
	if !t.Admin && (!plain || req.GetNoApproval()) {
		return fault.New(fault.Denied, "technician %q is no admin and invites plain devices, with approval, only", t.Name).Try("it where an admin works; warren technicians lists them")
	}
	return nil
}

// doors are up to three ways to controllers, of as many of them as there are:
// public ones, else on the LAN, else on this machine. public is the first
// public name.
func (r *Running) doors() (public string, out []invite.Endpoint) {
	var wide, lan, loop [][]invite.Endpoint
	facts := r.View.Facts()
	for _, id := range r.log().Controllers() {
		e, ok := facts.Endpoints(id)
		if !ok {
			continue
		}
		var w, l, o []invite.Endpoint
		for _, p := range e.Public {
			if public == "" {
				public = p
			}
			w = append(w, invite.Endpoint{Node: id, Address: p})
		}
		for _, a := range e.Addresses {
			at := invite.Endpoint{Node: id, Address: a.String()}
			switch {
			case a.Addr().IsLoopback():
				o = append(o, at)
			case !a.Addr().IsLinkLocalUnicast():
				l = append(l, at)
			}
		}
		wide, lan, loop = append(wide, w), append(lan, l), append(loop, o)
	}
	for _, ways := range [][][]invite.Endpoint{wide, lan, loop} {
		if out = inTurn(ways); len(out) > 0 {
			break
		}
	}
	return public, out[:min(len(out), invite.MaxEndpoints)]
}

// awaitDoors waits a moment for the first: a controller that has just started
// has not told yet where it is.
func (r *Running) awaitDoors(ctx context.Context) (public string, out []invite.Endpoint) {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	for {
		watch := r.View.Facts().Watch()
		if public, out = r.doors(); len(out) > 0 {
			return public, out
		}
		select {
		case <-watch:
		case <-ctx.Done():
			return "", nil
		}
	}
}

// inTurn takes the first of each list, then the second of each, and so on.
func inTurn[T any](lists [][]T) (out []T) {
	for i := 0; ; i++ {
		before := len(out)
		for _, list := range lists {
			if i < len(list) {
				out = append(out, list[i])
			}
		}
		if len(out) == before {
			return out
		}
	}
}

// List implements InviteService.
func (s inviteService) List(ctx context.Context, _ *warrenv1.ListInvitesRequest) (*warrenv1.ListInvitesResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	if _, _, err := r.person(ctx); err != nil {
		return nil, err
	}
	ledger, err := r.Authority.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	used := map[string]uint32{}
	for _, c := range ledger.GetClaims() {
		var m warrenv1.Claim
		if _, err := identity.Open(c.GetClaim(), identity.TypeClaim, &m); err == nil {
			used[string(m.GetInvite())]++
		}
	}
	out := &warrenv1.ListInvitesResponse{}
	for _, stmt := range ledger.GetInvites() {
		inv, err := invite.Read(stmt, r.log().Mesh())
		if err != nil {
			r.Log.Warn("a controller sent an invite that does not verify", "err", err)
			continue
		}
		out.Invites = append(out.Invites, r.inviteInfo(inv, used[string(inv.ID[:])]))
	}
	return out, nil
}

func (r *Running) inviteInfo(inv invite.Invite, used uint32) *warrenv1.InviteInfo {
	out := &warrenv1.InviteInfo{
		Id: hex.EncodeToString(inv.ID[:]), Role: inv.Role, Inviter: inv.Inviter, Tags: inv.Tags, Site: inv.Site,
		Customer: inv.Customer, Ownership: "managed", Uses: uint32(inv.Uses), Used: used, //nolint:gosec // at most 1,000
		Expires: inv.NotAfter.Unix(), State: "open", Approval: inv.Approval, Admin: inv.Admin,
	}
	if inv.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD {
		out.Ownership = "byod"
	}
	switch {
	case r.log().InviteRevoked(inv.ID[:]):
		out.State = "revoked"
	case used >= out.GetUses():
		out.State = "used"
	case inv.At(time.Now()) != nil:
		out.State = "expired"
	}
	return out
}

// Revoke implements InviteService.
func (s inviteService) Revoke(ctx context.Context, req *warrenv1.RevokeInviteRequest) (*warrenv1.RevokeInviteResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	_, key, err := r.admin(ctx)
	if err != nil {
		return nil, err
	}
	ledger, err := r.Authority.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	var found []byte
	word := strings.ToLower(req.GetId())
	for _, stmt := range ledger.GetInvites() {
		inv, err := invite.Read(stmt, r.log().Mesh())
		if err != nil || word == "" || !strings.HasPrefix(hex.EncodeToString(inv.ID[:]), word) {
			continue
		}
		if found != nil && !bytes.Equal(found, inv.ID[:]) {
			return nil, fault.New(fault.Conflict, "%q names several invites", word).Try("warren invites, and the full id")
		}
		found = bytes.Clone(inv.ID[:])
	}
	if found == nil {
		return nil, fault.New(fault.NotFound, "no invite %q", req.GetId()).Try("warren invites")
	}
	out := &warrenv1.RevokeInviteResponse{Id: hex.EncodeToString(found)}
	if r.log().InviteRevoked(found) {
		return out, nil
	}
	stmt, err := trust.SignRevocation(r.log().Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_INVITE, found, "revoked", time.Now(), key)
	if err != nil {
		return nil, err
	}
	_, err = r.propose(ctx, &warrenv1.Revoked{Revocation: stmt})
	return out, err
}
