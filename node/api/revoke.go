package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
)

// target is what a revocation means: a machine, a technician, or both where
// they have one name.
type target struct {
	device     *trust.Device
	technician *trust.Technician
}

func (r *Running) target(word string, technicianOnly bool) (target, error) {
	log := r.log()
	var t target
	if tech, ok := log.TechnicianByName(word); ok {
		t.technician = &tech
	}
	if technicianOnly {
		if t.technician == nil {
			return t, fault.New(fault.NotFound, "no technician %q in this mesh", word).Try("warren technicians")
		}
	} else {
		d, err := FindDevice(log, word)
		switch {
		case err == nil:
			t.device = &d
			// The person who works from a lost machine goes with it.
			if tech, ok := log.TechnicianOfNode(d.ID); ok && t.technician == nil && tech.Name == d.Name {
				t.technician = &tech
			}
		case t.technician == nil:
			return t, err
		}
	}
	if t.device != nil && t.device.Revoked {
		t.device = nil
	}
	if t.technician != nil && t.technician.Revoked {
		t.technician = nil
	}
	if t.device == nil && t.technician == nil {
		return t, fault.New(fault.Conflict, "%q is revoked already", word)
	}
	return t, nil
}

// Revoke implements NodeService.
func (s nodeService) Revoke(ctx context.Context, req *warrenv1.RevokeRequest) (*warrenv1.RevokeResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	_, key, err := r.admin(ctx)
	if err != nil {
		return nil, err
	}
	t, err := r.target(req.GetTarget(), req.GetTechnician())
	if err != nil {
		return nil, err
	}
	out := &warrenv1.RevokeResponse{}
	if t.technician != nil {
		out.Kind, out.Name, out.Id = "technician", t.technician.Name, hexKey(t.technician.Key)
		if err := r.revoke(ctx, key, warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, t.technician.Key, req); err != nil {
			return nil, err
		}
	}
	if t.device != nil {
		kind := "node"
		if t.technician != nil {
			kind = "node and technician"
		}
		out.Kind, out.Name, out.Id = kind, t.device.Name, t.device.ID.String()
		if err := r.revoke(ctx, key, warrenv1.RevocationKind_REVOCATION_KIND_NODE, t.device.ID[:], req); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *Running) revoke(ctx context.Context, key ed25519.PrivateKey, kind warrenv1.RevocationKind, id []byte, req *warrenv1.RevokeRequest) error {
	stmt, err := trust.SignRevocation(r.log().Mesh(), kind, id, req.GetReason(), time.Now(), key)
	if err != nil {
		return fault.New(fault.Invalid, "%w", err)
	}
	// Ask the log first: a refusal then names the reason, and nothing is sent.
	if _, err := r.log().Revoke(stmt); err != nil {
		if errors.Is(err, trust.ErrLastAdmin) {
			return fault.New(fault.Denied, "%w", err).Try("warren invite --role technician --admin first")
		}
		return fault.New(fault.Denied, "%w", err)
	}
	if req.GetDryRun() {
		return nil
	}
	if slices.ContainsFunc(r.log().Controllers(), func(c identity.NodeID) bool { return string(c[:]) == string(id) }) {
		_, err = r.Authority.Unseat(ctx, identity.NodeID(id), stmt)
		return err
	}
	_, err = r.propose(ctx, &warrenv1.Revoked{Revocation: stmt})
	return err
}

// farewell revokes this machine in its own name, so that the others drop it.
func (r *Running) farewell(ctx context.Context) error {
	key, err := r.Home.NodeKey()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	stmt, err := trust.SignRevocation(r.log().Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, r.Self[:], "left", time.Now(), key.Signer())
	if err != nil {
		return err
	}
	if r.log().IsController(r.Self) {
		// It is missed in the cluster; the last one cannot be.
		if _, err := r.Authority.Unseat(ctx, r.Self, stmt); fault.Of(err) == nil || fault.Of(err).Reason != "last-voter" {
			return err
		}
	}
	_, err = r.Authority.Propose(ctx, &warrenv1.Revoked{Revocation: stmt})
	return err
}
