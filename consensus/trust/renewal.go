package trust

import (
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

// renewal lengthens a record's life and changes nothing else of it, so that
// the machine itself can sign: it proves that it is alive and has its key, and
// whoever wants it out revokes it. It comes neither early, so that a machine
// cannot fill the chain, nor after RenewalGrace.
func (w *writer) renewal(m *warrenv1.Renewal) error {
	id := identity.NodeIDOf(m.GetKey())
	d, ok := w.devices.get(id[:])
	at := w.decoded.time()
	switch {
	case len(w.signers) != 1 || !w.signers.Has(m.GetKey()):
		return fmt.Errorf("%w: a renewal is signed by its own machine", ErrUnauthorised)
	case !ok:
		return fmt.Errorf("%w: no machine %s", ErrUnauthorised, id.Short())
	case w.Revoked(kindNode, id[:]):
		return fmt.Errorf("%w: machine %s", ErrRevoked, d.Name)
	case len(w.entry.GetRevocations()) != 0:
		return fmt.Errorf("%w: a renewal folds no revocation", ErrInvalid)
	case d.NotAfter.IsZero():
		return fmt.Errorf("%w: the record of %s has no end", ErrInvalid, d.Name)
	case m.GetEpoch() != d.Epoch+1:
		return fmt.Errorf("%w: epoch %d of %s after %d", ErrInvalid, m.GetEpoch(), d.Name, d.Epoch)
	case at.Before(d.RenewAt()):
		return fmt.Errorf("%w: the record of %s can be renewed from %s on", ErrInvalid, d.Name, d.RenewAt().Format(time.RFC3339))
	case at.After(d.NotAfter.Add(RenewalGrace)):
		return fmt.Errorf("%w: the record of %s ended at %s; it has to join anew", ErrUnauthorised, d.Name, d.NotAfter.Format(time.RFC3339))
	case !validPeriod(at.Unix(), m.GetNotAfter()) || m.GetNotAfter() == 0,
		unix(m.GetNotAfter()).After(at.Add(Lifetime(d.Roles, d.Ownership))):
		return fmt.Errorf("%w: the record of %s cannot last until %s", ErrInvalid, d.Name, unix(m.GetNotAfter()).Format(time.RFC3339))
	}
	d.NotAfter, d.Epoch = unix(m.GetNotAfter()), m.GetEpoch()
	w.devices = w.devices.with(d.ID[:], d)
	return nil
}

// Renewal is the body of an entry by which d renews its record at that time.
func (d Device) Renewal(at time.Time) *warrenv1.Renewal {
	return &warrenv1.Renewal{
		Key: d.Key, Epoch: d.Epoch + 1, NotAfter: at.Add(Lifetime(d.Roles, d.Ownership)).Unix(),
	}
}
