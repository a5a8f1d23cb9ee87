package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/consensus/state"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
)

type policyService struct{ *Local }

// Get implements PolicyService.
func (s policyService) Get(context.Context, *warrenv1.GetPolicyRequest) (*warrenv1.GetPolicyResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	now := r.View.Now()
	out := &warrenv1.GetPolicyResponse{Policy: now.PolicyText}
	_, out.Revision = now.Log.Policy()
	if all := history(now.Log); len(all) > 0 {
		out.Author, out.Time = strings.Join(all[0].GetAuthors(), ", "), all[0].GetTime()
	}
	return out, nil
}

// Apply implements PolicyService.
func (s policyService) Apply(ctx context.Context, req *warrenv1.ApplyPolicyRequest) (*warrenv1.ApplyPolicyResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(req.GetPolicy())
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	log := r.log()
	members, _ := policy.Members(log, time.Now())
	if err := p.Check(members); err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	_, revision := log.Policy()
	out := &warrenv1.ApplyPolicyResponse{Revision: revision}
	for _, w := range p.Warnings(members) {
		out.Notes = append(out.Notes, w.String())
	}
	if want := req.GetIfRevision(); want != 0 && want != revision {
		return nil, fault.New(fault.Conflict, "the policy has revision %d, not %d any more", revision, want).Try("warren policy show")
	}
	if req.GetDryRun() {
		return out, nil
	}
	_, key, err := r.admin(ctx)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(req.GetPolicy())
	if held, _ := log.Policy(); held == hash {
		return out, nil
	}
	const tries = 10
	for range tries {
		log := r.log()
		entry, err := trust.SignEntry(log.Draft(time.Now(), &warrenv1.PolicyRecord{Hash: hash[:], Revision: revision + 1}), key)
		if err != nil {
			return nil, err
		}
		_, err = r.propose(ctx, &warrenv1.PolicyReplaced{Entry: entry, Policy: req.GetPolicy(), IfRevision: revision})
		if err == nil {
			out.Revision = revision + 1
			return out, nil
		}
		if !errors.Is(err, state.ErrStale) {
			return nil, err
		}
		if err := r.catchUp(ctx); err != nil {
			return nil, err
		}
		if _, now := r.log().Policy(); now != revision {
			return nil, fault.New(fault.Conflict, "somebody else replaced the policy meanwhile; it has revision %d now", now).Try("warren policy show")
		}
	}
	return nil, fault.New(fault.Unavailable, "too many changes at once").Try("again")
}

// mustBeMember keeps calls between machines to those the log lists.
func mustBeMember(log *trust.Log, id identity.NodeID) error {
	if log == nil {
		return fault.New(fault.Unavailable, "this controller has no mesh yet")
	}
	d, ok := log.Device(id)
	switch {
	case !ok:
		return fault.New(fault.Denied, "node %s is no member", id.Short()).Because("no-member")
	case d.Revoked:
		return fault.New(fault.Denied, "node %s was revoked", id.Short()).Because("revoked")
	}
	return nil
}
