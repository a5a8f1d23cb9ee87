package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
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
		return t, fault.New(fault.Conflict, "%q is revoked already", word).Try("warren devices, warren technicians")
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
	var all []*warrenv1.Statement
	sign := func(kind warrenv1.RevocationKind, id []byte) error {
		stmt, err := r.revocation(key, kind, id, req.GetReason())
		all = append(all, stmt)
		return err
	}
	if t.device != nil { // first: who revokes himself cannot sign after that
		out.Kind, out.Name, out.Id = "node", t.device.Name, t.device.ID.String()
		if err := sign(warrenv1.RevocationKind_REVOCATION_KIND_NODE, t.device.ID[:]); err != nil {
			return nil, err
		}
	}
	if t.technician != nil {
		if t.device != nil {
			out.Kind = "node and technician"
		} else {
			out.Kind, out.Name, out.Id = "technician", t.technician.Name, hexKey(t.technician.Key)
		}
		if err := sign(warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, t.technician.Key); err != nil {
			return nil, err
		}
	}
	if req.GetDryRun() {
		return out, nil
	}
	entered, err := r.revoke(ctx, all, t.device)
	if err != nil {
		return nil, err
	}
	out.Outcome = "spreading"
	if entered {
		out.Outcome = "entered"
	}
	return out, nil
}

// revocation signs one, and asks the log whether it holds: a refusal then names
// the reason, and nothing is sent.
func (r *Running) revocation(key ed25519.PrivateKey, kind warrenv1.RevocationKind, id []byte, reason string) (*warrenv1.Statement, error) {
	stmt, err := trust.SignRevocation(r.log().Mesh(), kind, id, reason, time.Now(), key)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	if _, err := r.log().Revoke(stmt); err != nil {
		if errors.Is(err, trust.ErrLastAdmin) {
			return nil, fault.New(fault.Denied, "%w", err).Try("warren invite --role technician --admin first")
		}
		return nil, fault.New(fault.Denied, "%w", err)
	}
	return stmt, nil
}

// enterWait is how long controllers have to enter a revocation, which does not
// wait for them.
const enterWait = 3 * time.Second

// revoke makes revocations known on all ways at once: here, from machine to
// machine, and to the controllers. entered is false where no controller has
// answered: they hear of it when they are back, and enter it then.
//
// Two wait for the controllers' word: a revocation of this very machine, as
// nothing leaves it after that, and one of a controller, which is taken out of
// the cluster first.
func (r *Running) revoke(ctx context.Context, all []*warrenv1.Statement, device *trust.Device) (entered bool, err error) {
	own := device != nil && device.ID == r.Self
	seated := device != nil && r.log().IsController(device.ID)
	if !seated {
		r.say(all) // before the tunnel to the one they name goes
	}
	if !seated && !own {
		if err := r.take(all); err != nil {
			return false, err
		}
	}
	if err = r.enter(ctx, all, device, seated); err != nil {
		if fault.KindOf(err) != fault.Unavailable {
			return false, err
		}
		r.Log.Warn("no controller has entered the revocation; it spreads by gossip", "err", err)
	}
	if seated {
		r.say(all)
	}
	if seated || own {
		return err == nil, r.take(all)
	}
	return err == nil, nil
}

func (r *Running) enter(ctx context.Context, all []*warrenv1.Statement, device *trust.Device, seated bool) error {
	if seated { // the first of all is the machine's
		if _, err := r.Authority.Unseat(ctx, device.ID, all[0]); err != nil {
			return err
		}
		all = all[1:]
	}
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	for _, stmt := range all {
		_, err := r.propose(ctx, &warrenv1.Revoked{Revocation: stmt})
		if err != nil && ctx.Err() != nil {
			err = fault.New(fault.Unavailable, "%w", err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Running) say(all []*warrenv1.Statement) {
	for _, stmt := range all {
		r.Gossip.Say(stmt)
	}
}

func (r *Running) take(all []*warrenv1.Statement) error {
	for _, stmt := range all {
		if _, err := r.View.Revoke(stmt); err != nil {
			return err
		}
	}
	return nil
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
	r.Gossip.Say(stmt)
	_, err = r.Authority.Propose(ctx, &warrenv1.Revoked{Revocation: stmt})
	return err
}
