package trust

import (
	"errors"
	"fmt"
	"slices"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Lifetimes of records, from the day they are signed or renewed (SECURITY.md
// D-7). A controller's record does not end: a mesh must not lose its voters to
// a date.
const (
	ManagedLifetime = 90 * 24 * time.Hour
	GatewayLifetime = 30 * 24 * time.Hour
	BYODLifetime    = 30 * 24 * time.Hour
)

// RenewalGrace is how long after its end a record can still be renewed: a
// machine that was switched off over a holiday comes back by itself.
const RenewalGrace = 7 * 24 * time.Hour

// Lifetime is how long a record of these roles and ownership lasts; 0 is
// without end.
func Lifetime(roles []string, ownership warrenv1.Ownership) time.Duration {
	switch {
	case slices.Contains(roles, RoleController):
		return 0
	case slices.Contains(roles, RoleGateway):
		return GatewayLifetime
	case ownership == warrenv1.Ownership_OWNERSHIP_BYOD:
		return BYODLifetime
	default:
		return ManagedLifetime
	}
}

// RenewAt is when a machine begins to renew its record: a third of a lifetime
// after it was signed or renewed. It is zero for a record without end.
func (d Device) RenewAt() time.Time {
	if d.NotAfter.IsZero() {
		return time.Time{}
	}
	return d.NotAfter.Add(-Lifetime(d.Roles, d.Ownership) * 2 / 3)
}

// ClockSkew is how far a machine's clock may be from the controller's when it
// renews its record.
const ClockSkew = 24 * time.Hour

// SignStillHere makes the statement by which d asks for another lifetime.
func (d Device) SignStillHere(mesh identity.MeshID, now time.Time, key identity.NodeKey) (*warrenv1.Statement, error) {
	return identity.Sign(identity.TypeStillHere, &warrenv1.StillHere{
		Mesh: mesh[:], Key: key.Public(), Epoch: d.Epoch + 1, Time: now.UnixMilli(),
	}, key.Signer())
}

// renewal lengthens a record's life and changes nothing else of it, so that no
// admin has to sign: the machine proves that it is alive and has its key, and
// whoever wants it out revokes it. As with an admission a controller signs for
// place and time, or else a machine could make itself a chain of renewals into
// the far future and lead others astray with it. It comes neither early, so
// that it cannot fill the chain, nor after RenewalGrace.
func (w *writer) renewal(m *warrenv1.Renewal) error {
	if err := w.byController(); err != nil {
		return fmt.Errorf("renewal: %w", err)
	}
	var here warrenv1.StillHere
	signers, err := identity.Open(m.GetStatement(), identity.TypeStillHere, &here)
	if err != nil {
		return errors.Join(ErrInvalid, err)
	}
	id := identity.NodeIDOf(here.GetKey())
	d, ok := w.devices.get(id[:])
	at := w.decoded.time()
	switch {
	case string(here.GetMesh()) != string(w.mesh[:]):
		return fmt.Errorf("%w: a renewal for another mesh", ErrInvalid)
	case len(signers) != 1 || !signers.Has(here.GetKey()):
		return fmt.Errorf("%w: a renewal is asked for by its own machine", ErrUnauthorised)
	case !ok:
		return fmt.Errorf("%w: no machine %s", ErrUnauthorised, id.Short())
	case w.Revoked(kindNode, id[:]):
		return fmt.Errorf("%w: machine %s", ErrRevoked, d.Name)
	case d.NotAfter.IsZero():
		return fmt.Errorf("%w: the record of %s has no end", ErrInvalid, d.Name)
	case here.GetEpoch() != d.Epoch+1:
		return fmt.Errorf("%w: epoch %d of %s after %d", ErrInvalid, here.GetEpoch(), d.Name, d.Epoch)
	case !validMillis(here.GetTime()) || at.Sub(time.UnixMilli(here.GetTime())).Abs() > ClockSkew:
		return fmt.Errorf("%w: the clock of %s is over %s off", ErrInvalid, d.Name, ClockSkew)
	case at.Before(d.RenewAt()):
		return fmt.Errorf("%w: the record of %s can be renewed from %s on", ErrInvalid, d.Name, d.RenewAt().Format(time.RFC3339))
	case at.After(d.NotAfter.Add(RenewalGrace)):
		return fmt.Errorf("%w: the record of %s ended at %s; it has to join anew", ErrUnauthorised, d.Name, d.NotAfter.Format(time.RFC3339))
	}
	// Whole seconds, as records have.
	d.NotAfter, d.Epoch = unix(at.Add(Lifetime(d.Roles, d.Ownership)).Unix()), d.Epoch+1
	w.devices = w.devices.with(d.ID[:], d)
	return nil
}

// byController asks that one live controller alone has signed an entry that no
// admin has to sign, and that it folds nothing: no admin signed for the order.
func (w *writer) byController() error {
	id := identity.NodeIDOf(w.signers[0])
	if len(w.signers) != 1 || !w.controllers.has(id[:]) || w.Revoked(kindNode, id[:]) || w.Revoked(kindController, id[:]) {
		return fmt.Errorf("%w: a live controller has to sign", ErrUnauthorised)
	}
	if len(w.entry.GetRevocations()) != 0 {
		return fmt.Errorf("%w: it folds a revocation", ErrInvalid)
	}
	return nil
}
