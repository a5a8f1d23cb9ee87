package trust

import (
	"fmt"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// thresholds say how many admins must sign what. Each means
// min(threshold, number of admins), and never less than one.
type thresholds struct{ admin, controller, device, gateway, policy uint32 }

// writer writes one entry into Log, which nobody else has yet.
type writer struct {
	*Log
	batch *batch
	decoded
}

func (w *writer) write() error {
	switch body := w.entry.GetBody().(type) {
	case *warrenv1.Entry_Technician:
		if _, err := w.authorise(w.thresholds.admin, true); err != nil {
			return err
		}
		return w.technician(body.Technician)
	case *warrenv1.Entry_Controller:
		if _, err := w.authorise(w.thresholds.controller, false); err != nil {
			return err
		}
		return w.controller(body.Controller)
	case *warrenv1.Entry_Device:
		approver, err := w.authorise(w.deviceThreshold(body.Device), false)
		if err != nil {
			return err
		}
		d, err := w.deviceOf(body.Device)
		if err != nil {
			return err
		}
		d.Approver = approver
		return w.device(d)
	case *warrenv1.Entry_Policy:
		if _, err := w.authorise(w.thresholds.policy, false); err != nil {
			return err
		}
		return w.replacePolicy(body.Policy)
	case *warrenv1.Entry_Admission:
		return w.admission(body.Admission)
	case *warrenv1.Entry_Renewal:
		return w.renewal(body.Renewal)
	case *warrenv1.Entry_Genesis:
		return fmt.Errorf("%w: a second genesis", ErrInvalid)
	default:
		return fmt.Errorf("%w: an entry without body", ErrInvalid)
	}
}

// authorise asks for min(k, admins) admins, each in force, and gives the first
// one's name. One signer who may not sign spoils the whole. The admins are
// those before this entry: else one could revoke the others, fold that, and be
// all there are.
func (w *writer) authorise(k uint32, recovery bool) (approver string, err error) {
	var signed, byRecovery int
	for _, key := range w.signers {
		if recovery && key.Equal(w.recovery) {
			byRecovery++
			continue
		}
		name, admin, err := w.Inviter(key, w.decoded.time())
		if err != nil {
			return "", err
		}
		if !admin {
			return "", fmt.Errorf("%w: %s is no admin", ErrUnauthorised, name)
		}
		if signed++; signed == 1 {
			approver = name
		}
	}
	need := min(int(k), w.batch.log.admins) // 0 only if no signer could pass above
	if byRecovery == 0 && signed < need {
		return "", fmt.Errorf("%w: %d admins signed, %d must", ErrUnauthorised, signed, need)
	}
	return approver, nil
}

// Inviter is Log.Inviter, but for whom a later entry of the batch revokes.
func (w *writer) Inviter(key []byte, at time.Time) (name string, admin bool, err error) {
	return w.inviter(key, at, w.Revoked)
}

// Revoked is Log.Revoked, but for what a later entry of the batch revokes.
func (w *writer) Revoked(kind warrenv1.RevocationKind, target []byte) bool {
	if _, later := w.batch.settled[string(targetKey(kind, target))]; later {
		return w.folded.has(kind, target)
	}
	return w.Log.Revoked(kind, target)
}

// Inviter names the technician whose key is given, if he may sign at that time
// and is not revoked.
func (l *Log) Inviter(key []byte, at time.Time) (name string, admin bool, err error) {
	return l.inviter(key, at, l.Revoked)
}

func (l *Log) inviter(key []byte, at time.Time, revoked func(warrenv1.RevocationKind, []byte) bool) (string, bool, error) {
	t, ok := l.technicians.get(key)
	if !ok {
		return "", false, fmt.Errorf("%w: key %s is no technician's", ErrUnauthorised, identity.NodeIDOf(key).Short())
	}
	if revoked(kindTechnician, key) {
		return "", false, fmt.Errorf("%w: technician %s", ErrRevoked, t.Name)
	}
	if err := t.validAt(at); err != nil {
		return "", false, err
	}
	return t.Name, t.Admin, nil
}

func (t Technician) validAt(at time.Time) error {
	if at.Before(t.NotBefore.Add(-clockSkew)) {
		return fmt.Errorf("%w: technician %s is in force from %s on", ErrUnauthorised, t.Name, t.NotBefore.Format(time.RFC3339))
	}
	if !t.NotAfter.IsZero() && !at.Before(t.NotAfter) {
		return fmt.Errorf("%w: technician %s was in force until %s", ErrUnauthorised, t.Name, t.NotAfter.Format(time.RFC3339))
	}
	return nil
}
