package trust_test

import (
	"errors"
	"slices"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
)

// A controller that was removed stays a machine of the mesh, and orders and
// signs nothing any more; its key never gets the right back.
func TestTheRightToOrderIsRevokedAlone(t *testing.T) {
	base := crew(t)
	base = add(t, base, device(lab, "lab", controllerRole), ann)
	base = add(t, base, &warrenv1.ControllerRecord{Key: public(lab)}, ann)
	id := nodeID(lab)
	for name, by := range map[string]byte{"an admin": ben, "the recovery key": recovery, "itself": lab} {
		l := revoke(t, base, revocation(t, base, controllerKind, id[:], by))
		d, ok := l.Device(id)
		if !ok || d.Revoked || d.Role() != trust.RoleTechnician || slices.Contains(d.Roles, trust.RoleController) {
			t.Errorf("revoked by %s it is %+v", name, d)
		}
		if l.IsController(id) || slices.Contains(l.Controllers(), id) || !base.IsController(id) {
			t.Errorf("revoked by %s it orders: %v", name, l.Controllers())
		}
		if before, _ := base.Device(id); before.Role() != trust.RoleController {
			t.Errorf("the log before was changed: %+v", before)
		}
		folded := add(t, l, policy(2), ann)
		if folded.IsController(id) {
			t.Errorf("revoked by %s it orders once that is folded", name)
		}
		if _, err := try(t, folded, &warrenv1.ControllerRecord{Key: public(lab)}, ann); !errors.Is(err, trust.ErrRevoked) {
			t.Errorf("the right came back: %v", err)
		}
		opened, err := trust.Open(l.Mesh(), folded.Entries(0), folded.Revocations())
		if err != nil || opened.IsController(id) {
			t.Errorf("opened anew: %v, %t", err, err == nil && opened.IsController(id))
		}
	}
	// What it signed as a controller counts no more.
	l, _ := ending(t)
	l = add(t, l, device(lab, "lab", controllerRole), ann)
	l = add(t, l, &warrenv1.ControllerRecord{Key: public(lab)}, ann)
	due := 40 * day
	m := here(t, l, due, box)
	if _, err := renew(t, l, due, m, lab); err != nil {
		t.Fatal(err)
	}
	l = revoke(t, l, revocation(t, l, controllerKind, id[:], ann))
	if _, err := renew(t, l, due, m, lab); !errors.Is(err, trust.ErrUnauthorised) {
		t.Errorf("a removed controller enters a renewal: %v", err)
	}
}
