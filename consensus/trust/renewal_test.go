package trust_test

import (
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
)

const day = 24 * time.Hour

// ending has a box whose record ends after a managed lifetime.
func ending(t *testing.T) (*trust.Log, trust.Device) {
	t.Helper()
	l := running(t)
	m := device(box, "box")
	m.NotAfter = noon.Add(trust.ManagedLifetime).Unix()
	l = add(t, l, m, ann)
	d, _ := l.DeviceByName("box")
	return l, d
}

// renew drafts a renewal at noon plus after.
func renew(t *testing.T, l *trust.Log, after time.Duration, m *warrenv1.Renewal, keys ...byte) (*trust.Log, error) {
	t.Helper()
	return l.Append(sign(t, l.Draft(noon.Add(after), m), keys...))
}

func TestRenewal(t *testing.T) {
	l, d := ending(t)
	if want := noon.Add(30 * day); !d.RenewAt().Equal(want) {
		t.Errorf("renews from %s on, want %s", d.RenewAt(), want)
	}
	for i := range 3 {
		at := time.Duration(40*(i+1)) * day
		next, err := renew(t, l, at, d.Renewal(noon.Add(at)), box)
		if err != nil {
			t.Fatalf("renewal %d: %v", i, err)
		}
		got, _ := next.DeviceByName("box")
		want := d
		want.Epoch, want.NotAfter = d.Epoch+1, noon.Add(at+trust.ManagedLifetime)
		if got.Epoch != want.Epoch || !got.NotAfter.Equal(want.NotAfter) || got.Name != want.Name || got.Approver != want.Approver || got.Sequence != want.Sequence {
			t.Fatalf("renewal %d gives %+v, want %+v", i, got, want)
		}
		l, d = next, got
	}
	reopened, err := trust.Open(l.Mesh(), l.Entries(0), nil)
	if err != nil || tell(reopened) != tell(l) {
		t.Errorf("reopened: %v", err)
	}
}

func TestRenewalRefused(t *testing.T) {
	l, d := ending(t)
	const due = 40 * day
	edit := func(f func(*warrenv1.Renewal)) *warrenv1.Renewal {
		m := d.Renewal(noon.Add(due))
		f(m)
		return m
	}
	fine := edit(func(*warrenv1.Renewal) {})
	for name, c := range map[string]struct {
		after time.Duration
		body  *warrenv1.Renewal
		by    []byte
		want  error
	}{
		"by an admin":        {due, fine, []byte{ann}, trust.ErrUnauthorised},
		"by another machine": {due, fine, []byte{hub}, trust.ErrUnauthorised},
		"by two":             {due, fine, []byte{box, ann}, trust.ErrUnauthorised},
		"of a stranger":      {due, edit(func(m *warrenv1.Renewal) { m.Key = public(stranger) }), []byte{stranger}, trust.ErrUnauthorised},
		"of no key":          {due, edit(func(m *warrenv1.Renewal) { m.Key = nil }), []byte{box}, trust.ErrUnauthorised},
		"too early":          {30*day - time.Millisecond, d.Renewal(noon.Add(30*day - time.Millisecond)), []byte{box}, trust.ErrInvalid},
		"too late":           {trust.ManagedLifetime + trust.RenewalGrace + time.Second, d.Renewal(noon.Add(trust.ManagedLifetime + trust.RenewalGrace + time.Second)), []byte{box}, trust.ErrUnauthorised},
		"too long":           {due, edit(func(m *warrenv1.Renewal) { m.NotAfter++ }), []byte{box}, trust.ErrInvalid},
		"without end":        {due, edit(func(m *warrenv1.Renewal) { m.NotAfter = 0 }), []byte{box}, trust.ErrInvalid},
		"into the past":      {due, edit(func(m *warrenv1.Renewal) { m.NotAfter = noon.Unix() }), []byte{box}, trust.ErrInvalid},
		"same epoch":         {due, edit(func(m *warrenv1.Renewal) { m.Epoch-- }), []byte{box}, trust.ErrInvalid},
		"skipped epoch":      {due, edit(func(m *warrenv1.Renewal) { m.Epoch++ }), []byte{box}, trust.ErrInvalid},
	} {
		got, err := renew(t, l, c.after, c.body, c.by...)
		refused(t, name, got, err, c.want)
	}
	if _, err := renew(t, l, trust.ManagedLifetime+trust.RenewalGrace, d.Renewal(noon.Add(trust.ManagedLifetime+trust.RenewalGrace)), box); err != nil {
		t.Errorf("at the end of the grace: %v", err)
	}

	hubDevice, _ := l.Device(nodeID(hub))
	got, err := renew(t, l, due, hubDevice.Renewal(noon.Add(due)), hub)
	refused(t, "of a record without end", got, err, trust.ErrInvalid)

	gone := revokeNode(t, l, box, ann)
	got, err = renew(t, gone, due, fine, box)
	refused(t, "of a revoked machine", got, err, trust.ErrRevoked)
	other := revokeNode(t, add(t, l, device(cam, "cam"), ann), cam, ann)
	e := other.Draft(noon.Add(due), fine)
	e.Revocations = other.Draft(noon, policy(2)).GetRevocations()
	got, err = other.Append(sign(t, e, box))
	refused(t, "that folds", got, err, trust.ErrInvalid)
}

func TestLifetime(t *testing.T) {
	for want, got := range map[time.Duration]time.Duration{
		0:                     trust.Lifetime([]string{trust.RoleController, trust.RoleTechnician}, managed),
		trust.GatewayLifetime: trust.Lifetime([]string{trust.RoleGateway}, managed),
		trust.ManagedLifetime: trust.Lifetime([]string{trust.RoleTechnician}, managed),
	} {
		if got != want {
			t.Errorf("lifetime %s, want %s", got, want)
		}
	}
	if got := trust.Lifetime([]string{trust.RoleDevice}, byod); got != trust.BYODLifetime {
		t.Errorf("a private machine's lifetime is %s", got)
	}
	if at := (trust.Device{}).RenewAt(); !at.IsZero() {
		t.Errorf("a record without end renews at %s", at)
	}
}
