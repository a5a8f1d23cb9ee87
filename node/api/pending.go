package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/invite"
	"warren/consensus/state"
	"warren/mesh/identity"
	"warren/node/enrol"
	"warren/node/fault"
)

// waiting is a claim that waits, verified by this machine.
type waiting struct {
	invite invite.Invite
	claim  invite.Claim
	from   string
	time   time.Time
	shown  string
}

func (w waiting) phrase() string { return invite.Phrase(w.claim.NodeKey, w.invite.ID, w.invite.Mesh) }

// waiting lists the claims that wait. What does not verify here is left out,
// whatever the controller says.
func (r *Running) waiting(ctx context.Context) ([]waiting, error) {
	ledger, err := r.Authority.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	log := r.log()
	invites := map[invite.ID]invite.Invite{}
	for _, stmt := range ledger.GetInvites() {
		if inv, err := invite.Open(stmt, log.Mesh(), log); err == nil {
			invites[inv.ID] = inv
		}
	}
	var out []waiting
	for _, c := range ledger.GetClaims() {
		if c.GetState() != warrenv1.ClaimState_CLAIM_STATE_PENDING {
			continue
		}
		claim, inv, ok := openAny(c.GetClaim(), invites)
		if !ok {
			r.Log.Warn("a controller sent a claim that does not verify", "from", c.GetFrom())
			continue
		}
		out = append(out, waiting{inv, claim, c.GetFrom(), time.UnixMilli(c.GetTime()), shownAs(c.GetClaim(), inv)})
	}
	return out, nil
}

// shownAs names what an approver looks at: the claim, and the terms of the
// invite.
func shownAs(claim *warrenv1.Statement, inv invite.Invite) string {
	hash := identity.HashOf(claim)
	sum := sha256.Sum256(fmt.Append(hash[:], inv.ID, inv.Role, inv.Admin, inv.Ownership, inv.Tags, inv.Site, inv.Customer, inv.Inviter))
	return hexKey(sum[:])
}

func openAny(stmt *warrenv1.Statement, invites map[invite.ID]invite.Invite) (invite.Claim, invite.Invite, bool) {
	for _, inv := range invites {
		if claim, err := invite.OpenClaim(stmt, inv); err == nil {
			return claim, inv, true
		}
	}
	return invite.Claim{}, invite.Invite{}, false
}

// Pending implements InviteService.
func (s inviteService) Pending(ctx context.Context, _ *warrenv1.PendingRequest) (*warrenv1.PendingResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	if _, _, err := r.person(ctx); err != nil {
		return nil, err
	}
	list, err := r.waiting(ctx)
	if err != nil {
		return nil, err
	}
	out := &warrenv1.PendingResponse{}
	for _, w := range list {
		out.Pending = append(out.Pending, r.pendingOf(w))
	}
	return out, nil
}

func (r *Running) pendingOf(w waiting) *warrenv1.PendingClaim {
	out := &warrenv1.PendingClaim{
		Id: w.claim.Node.String(), Name: w.claim.Name, Role: w.invite.Role, Phrase: w.phrase(), From: w.from,
		Facts: w.claim.Facts, Invite: hexKey(w.invite.ID[:]), Time: w.time.UnixMilli(),
		Tags: w.invite.Tags, Site: w.invite.Site, Customer: w.invite.Customer, Ownership: "managed",
		Inviter: w.invite.Inviter, Shown: w.shown,
	}
	if w.invite.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD {
		out.Ownership = "byod"
	}
	warn := func(sentence string, code fault.Code) {
		out.Warnings, out.Said = append(out.Warnings, sentence), append(out.Said, fault.Said{Code: code}.Wire())
	}
	if w.invite.Admin {
		warn("this makes an admin: all rights on every machine", fault.MakesAdmin)
	}
	if d, ok := r.log().DeviceByName(w.claim.Name); ok && d.ID != w.claim.Node {
		warn("the mesh has a machine of that name already", fault.NameTaken)
	}
	return out
}

// find finds the one waiting claim that word names: an id prefix or a name.
func (r *Running) find(ctx context.Context, word string) (waiting, error) {
	list, err := r.waiting(ctx)
	if err != nil {
		return waiting{}, err
	}
	var found []waiting
	for _, w := range list {
		if w.claim.Name == word || w.claim.Node.HasPrefix(strings.ToLower(word)) {
			found = append(found, w)
		}
	}
	switch len(found) {
	case 0:
		return waiting{}, fault.New(fault.NotFound, "nobody waits under the name or id %q", word).Try("warren pending")
	case 1:
		return found[0], nil
	}
	return waiting{}, fault.New(fault.Conflict, "%d machines wait under %q", len(found), word).Try("warren pending, and the full id")
}

// Approve implements InviteService. Where others sign at the same moment it
// signs anew on top of theirs.
func (s inviteService) Approve(ctx context.Context, req *warrenv1.ApproveRequest) (*warrenv1.ApproveResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	_, key, err := r.admin(ctx)
	if err != nil {
		return nil, err
	}
	w, err := r.find(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	if req.GetShown() != w.shown {
		return nil, fault.New(fault.Conflict, "what waits under %q has changed since it was shown", req.GetId()).Try("warren pending")
	}
	const tries = 10
	for range tries {
		entries, err := enrol.Admit(r.log(), w.invite, w.claim, key, time.Now())
		if err != nil {
			return nil, fault.New(fault.Conflict, "%q cannot be let in: %w", w.claim.Name, err).Try("warren reject %s, then join under another name", w.claim.Node.Short())
		}
		_, err = r.propose(ctx, &warrenv1.EntriesAppended{Entries: entries})
		if errors.Is(err, state.ErrStale) {
			if err := r.catchUp(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		out := &warrenv1.ApproveResponse{Id: w.claim.Node.String(), Name: w.claim.Name}
		if d, ok := r.log().Device(w.claim.Node); ok {
			out.Addresses = addresses(r.log(), d)
		}
		return out, nil
	}
	return nil, fault.New(fault.Unavailable, "too many changes at once").Try("again")
}

// catchUp waits a moment for the change that made ours stale.
func (r *Running) catchUp(ctx context.Context) error {
	select {
	case <-r.View.Watch():
		return nil
	case <-time.After(200 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reject implements InviteService.
func (s inviteService) Reject(ctx context.Context, req *warrenv1.RejectRequest) (*warrenv1.RejectResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	_, key, err := r.admin(ctx)
	if err != nil {
		return nil, err
	}
	w, err := r.find(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	stmt, err := state.SignRejection(w.invite.Mesh, w.invite.ID, w.claim.Node, time.Now(), key)
	if err != nil {
		return nil, err
	}
	if _, err := r.propose(ctx, &warrenv1.ClaimRejected{Rejection: stmt}); err != nil {
		return nil, err
	}
	return &warrenv1.RejectResponse{Id: w.claim.Node.String(), Name: w.claim.Name}, nil
}
