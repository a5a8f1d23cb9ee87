package trust_test

import (
	"fmt"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
)

// bodies are one of each kind an admin can sign, next after a running mesh.
func bodies() map[string]any {
	return map[string]any{
		"device":     device(box, "box"),
		"gateway":    device(box, "box", gatewayRole),
		"controller": &warrenv1.ControllerRecord{Key: public(lab)},
		"technician": technician(cat, "cat", true),
		"plain one":  technician(cat, "cat", false),
		"policy":     policy(2),
	}
}

func TestWhoMaySign(t *testing.T) {
	l := running(t)
	l = add(t, l, device(lab, "lab", controllerRole), ann)
	l = add(t, l, technician(ben, "ben", false), ann)
	for name, body := range bodies() {
		if _, err := try(t, l, body, ann); err != nil {
			t.Errorf("%s by ann: %v", name, err)
		}
		for what, keys := range map[string][]byte{
			"a technician who is no admin": {ben}, "a stranger": {stranger}, "a controller": {hub}, "the machine itself": {box},
			"ann and a stranger": {ann, stranger}, "ann and ben": {ann, ben}, "a controller and ann": {hub, ann},
		} {
			got, err := try(t, l, body, keys...)
			refused(t, name+" by "+what, got, err, trust.ErrUnauthorised)
		}
		got, err := try(t, l, body, recovery)
		if name == "technician" || name == "plain one" {
			if err != nil {
				t.Errorf("%s by the recovery key: %v", name, err)
			}
		} else {
			refused(t, name+" by the recovery key", got, err, trust.ErrUnauthorised)
		}
	}
	// The recovery key does not make a stranger's signature good.
	got, err := try(t, l, technician(cat, "cat", true), recovery, stranger)
	refused(t, "recovery key and stranger", got, err, trust.ErrUnauthorised)
	if _, err := try(t, l, technician(cat, "cat", true), recovery, ann); err != nil {
		t.Errorf("recovery key and ann: %v", err)
	}
}

// Thresholds mean min(k, number of admins).
func TestThresholds(t *testing.T) {
	two := func(g *warrenv1.Genesis) {
		g.Thresholds = &warrenv1.Thresholds{Admin: 2, Controller: 2, Device: 2, Gateway: 2, Policy: 2}
	}
	l := running(t, two) // 2 of 1 is 1
	l = add(t, l, device(lab, "lab", controllerRole), ann)
	l = add(t, l, technician(ben, "ben", true), ann)
	for name, body := range bodies() {
		for _, alone := range []byte{ann, ben} {
			got, err := try(t, l, body, alone)
			refused(t, fmt.Sprintf("%s by %d alone", name, alone), got, err, trust.ErrUnauthorised)
		}
		for _, both := range [][]byte{{ann, ben}, {ben, ann}} {
			if _, err := try(t, l, body, both...); err != nil {
				t.Errorf("%s by both: %v", name, err)
			}
		}
	}
	if d, _ := add(t, l, device(box, "box"), ben, ann).Device(nodeID(box)); d.Approver != "ben" {
		t.Errorf("the approver is %q", d.Approver)
	}
	three := add(t, l, technician(cat, "cat", true), ann, ben) // 2 of 3
	if _, err := try(t, three, device(box, "box"), cat, ben); err != nil {
		t.Errorf("two of three: %v", err)
	}
	got, err := try(t, three, device(box, "box"), cat)
	refused(t, "one of three", got, err, trust.ErrUnauthorised)

	// One of two cannot get rid of the other and be alone: that takes the
	// recovery key. From then on one is enough.
	l = revokeTechnician(t, l, ben, ann)
	for name, body := range bodies() {
		got, err := try(t, l, body, ann)
		refused(t, name+" by ann, who revoked ben", got, err, trust.ErrUnauthorised)
	}
	l = add(t, l, technician(cat, "cat", false), recovery)
	add(t, l, device(box, "box"), ann)
}

// Each kind of record asks for its own threshold, and a device record for the
// highest of what it gives.
func TestEachKindHasItsThreshold(t *testing.T) {
	all := map[string]any{
		"device": device(box, "box"), "technician": technician(cat, "cat", false), "policy": policy(2),
		"controller":         &warrenv1.ControllerRecord{Key: public(lab)},
		"gateway":            device(box, "box", gatewayRole),
		"controller machine": device(box, "box", controllerRole),
	}
	for name, c := range map[string]struct {
		set  func(*warrenv1.Thresholds)
		asks []string
	}{
		"admin":      {func(h *warrenv1.Thresholds) { h.Admin = 2 }, []string{"technician"}},
		"controller": {func(h *warrenv1.Thresholds) { h.Controller = 2 }, []string{"controller", "controller machine"}},
		"device":     {func(h *warrenv1.Thresholds) { h.Device = 2 }, []string{"device", "gateway", "controller machine"}},
		"gateway":    {func(h *warrenv1.Thresholds) { h.Gateway = 2 }, []string{"gateway"}},
		"policy":     {func(h *warrenv1.Thresholds) { h.Policy = 2 }, []string{"policy"}},
	} {
		l := running(t, func(g *warrenv1.Genesis) { c.set(g.Thresholds) })
		l = add(t, l, device(lab, "lab", controllerRole), ann)
		l = add(t, l, technician(ben, "ben", true), ann)
		for kind, body := range all {
			_, err := try(t, l, body, ann)
			asks := false
			for _, a := range c.asks {
				asks = asks || a == kind
			}
			if (err != nil) != asks {
				t.Errorf("threshold %s: %s by one of two admins: %v", name, kind, err)
			}
		}
	}
}

func TestInviter(t *testing.T) {
	l := running(t)
	l = add(t, l, technician(ben, "ben", false), ann)
	if name, admin, err := l.Inviter(public(ann), noon); name != "ann" || !admin || err != nil {
		t.Errorf("ann: %q %t %v", name, admin, err)
	}
	if name, admin, err := l.Inviter(public(ben), noon); name != "ben" || admin || err != nil {
		t.Errorf("ben: %q %t %v", name, admin, err)
	}
	_, _, err := l.Inviter(public(stranger), noon)
	refused(t, "a stranger", nil, err, trust.ErrUnauthorised)
	_, _, err = revokeTechnician(t, l, ben, ann).Inviter(public(ben), noon)
	refused(t, "ben, revoked", nil, err, trust.ErrRevoked)
}
