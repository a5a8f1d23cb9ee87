package trust_test

import (
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
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

// here is what box says of itself at noon plus after.
func here(t *testing.T, l *trust.Log, after time.Duration, by byte, edit ...func(*warrenv1.StillHere)) *warrenv1.Renewal {
	t.Helper()
	d, _ := l.DeviceByName("box")
	mesh := l.Mesh()
	m := &warrenv1.StillHere{Mesh: mesh[:], Key: public(box), Epoch: d.Epoch + 1, Time: noon.Add(after).UnixMilli()}
	for _, e := range edit {
		e(m)
	}
	s, err := identity.Sign(identity.TypeStillHere, m, private(by))
	if err != nil {
		t.Fatal(err)
	}
	return &warrenv1.Renewal{Statement: s}
}

// renew has a controller, or others, enter a renewal at noon plus after.
func renew(t *testing.T, l *trust.Log, after time.Duration, m *warrenv1.Renewal, keys ...byte) (*trust.Log, error) {
	t.Helper()
	return l.Append(sign(t, l.Draft(noon.Add(after), m), keys...))
}

func TestRenewal(t *testing.T) {
	l, d := ending(t)
	if want := noon.Add(30 * day); !d.RenewAt().Equal(want) {
		t.Errorf("renews from %s on, want %s", d.RenewAt(), want)
	}
	key, err := identity.NodeKeyFromSeed(private(box).Seed())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		after := time.Duration(40*(i+1)) * day
		s, err := d.SignStillHere(l.Mesh(), noon.Add(after), key)
		if err != nil {
			t.Fatal(err)
		}
		next, err := renew(t, l, after, &warrenv1.Renewal{Statement: s}, hub)
		if err != nil {
			t.Fatalf("renewal %d: %v", i, err)
		}
		got, _ := next.DeviceByName("box")
		want := noon.Add(after + trust.ManagedLifetime)
		if got.Epoch != d.Epoch+1 || !got.NotAfter.Equal(want) || got.Name != d.Name || got.Approver != d.Approver || got.Sequence != d.Sequence {
			t.Fatalf("renewal %d gives %+v", i, got)
		}
		l, d = next, got
	}
	reopened, err := trust.Open(l.Mesh(), l.Entries(0), nil)
	if err != nil || tell(reopened) != tell(l) {
		t.Errorf("reopened: %v", err)
	}
}

func TestRenewalRefused(t *testing.T) {
	l, _ := ending(t)
	const due = 40 * day
	l = add(t, l, device(cam, "cam"), ann)
	fine := here(t, l, due, box)
	edit := func(f func(*warrenv1.StillHere)) *warrenv1.Renewal { return here(t, l, due, box, f) }
	const last = trust.ManagedLifetime + trust.RenewalGrace
	for name, c := range map[string]struct {
		after time.Duration
		body  *warrenv1.Renewal
		by    []byte
		want  error
	}{
		"entered by an admin":        {due, fine, []byte{ann}, trust.ErrUnauthorised},
		"entered by the machine":     {due, fine, []byte{box}, trust.ErrUnauthorised},
		"entered by two":             {due, fine, []byte{hub, ann}, trust.ErrUnauthorised},
		"asked for by the admin":     {due, here(t, l, due, ann), []byte{hub}, trust.ErrUnauthorised},
		"asked for by another":       {due, here(t, l, due, cam), []byte{hub}, trust.ErrUnauthorised},
		"of a stranger":              {due, here(t, l, due, stranger, func(m *warrenv1.StillHere) { m.Key = public(stranger) }), []byte{hub}, trust.ErrUnauthorised},
		"of no key":                  {due, edit(func(m *warrenv1.StillHere) { m.Key = nil }), []byte{hub}, trust.ErrUnauthorised},
		"of another mesh":            {due, edit(func(m *warrenv1.StillHere) { m.Mesh[0] ^= 1 }), []byte{hub}, trust.ErrInvalid},
		"of nothing":                 {due, &warrenv1.Renewal{}, []byte{hub}, trust.ErrInvalid},
		"too early":                  {30*day - time.Millisecond, here(t, l, 30*day, box), []byte{hub}, trust.ErrInvalid},
		"too late":                   {last + time.Second, here(t, l, last, box), []byte{hub}, trust.ErrUnauthorised},
		"by a clock that is ahead":   {due, here(t, l, due+trust.ClockSkew+time.Second, box), []byte{hub}, trust.ErrInvalid},
		"by a clock that is behind":  {due, here(t, l, due-trust.ClockSkew-time.Second, box), []byte{hub}, trust.ErrInvalid},
		"by a clock that is no time": {due, edit(func(m *warrenv1.StillHere) { m.Time = -1 }), []byte{hub}, trust.ErrInvalid},
		"same epoch":                 {due, edit(func(m *warrenv1.StillHere) { m.Epoch-- }), []byte{hub}, trust.ErrInvalid},
		"skipped epoch":              {due, edit(func(m *warrenv1.StillHere) { m.Epoch++ }), []byte{hub}, trust.ErrInvalid},
	} {
		got, err := renew(t, l, c.after, c.body, c.by...)
		refused(t, name, got, err, c.want)
	}
	if _, err := renew(t, l, last, here(t, l, last, box), hub); err != nil {
		t.Errorf("at the end of the grace: %v", err)
	}
	endless := here(t, l, due, hub, func(m *warrenv1.StillHere) { m.Key = public(hub) })
	got, err := renew(t, l, due, endless, hub)
	refused(t, "of a record without end", got, err, trust.ErrInvalid)

	got, err = renew(t, revokeNode(t, l, box, ann), due, fine, hub)
	refused(t, "of a revoked machine", got, err, trust.ErrRevoked)

	other := revokeNode(t, l, cam, ann)
	e := other.Draft(noon.Add(due), fine)
	e.Revocations = other.Draft(noon, policy(2)).GetRevocations()
	got, err = other.Append(sign(t, e, hub))
	refused(t, "that folds", got, err, trust.ErrInvalid)

	again, err := renew(t, l, due, fine, hub)
	if err != nil {
		t.Fatal(err)
	}
	got, err = renew(t, again, due, fine, hub)
	refused(t, "a second time", got, err, trust.ErrInvalid)
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
