package policy

import (
	"net/netip"
	"slices"
	"time"

	"warren/consensus/trust"
	"warren/mesh/identity"
)

// Grace is how long a machine's record still counts before it begins and after
// it ends. It bridges clocks that are wrong, and a renewal that found nobody
// to sign it; authority to act does not get it, see Members.
const Grace = 7 * 24 * time.Hour

// Members are the machines and technicians of log that are in force at now:
// not revoked and within their validity. Machines have Grace, and controllers
// never end, since whoever cannot meet a controller cannot be renewed.
// Technicians end to the second. until is when the answer changes by the
// passing of time alone; zero is never.
func Members(log *trust.Log, now time.Time) (dir Directory, until time.Time) {
	next := func(t time.Time) {
		if t.After(now) && (until.IsZero() || t.Before(until)) {
			until = t
		}
	}
	for d := range log.Devices() {
		if d.Revoked {
			continue
		}
		controller := log.IsController(d.ID)
		if !controller && !within(now, d.NotBefore, d.NotAfter, Grace, next) {
			continue
		}
		dir.Devices = append(dir.Devices, member(log.Mesh(), d, controller))
	}
	for _, t := range log.Technicians() {
		if !t.Revoked && within(now, t.NotBefore, t.NotAfter, 0, next) {
			dir.Technicians = append(dir.Technicians, Technician{Name: t.Name, Key: t.Key, Admin: t.Admin, Node: t.Node})
		}
	}
	return dir, until
}

// within reports whether now lies in [from-grace, to+grace), and tells next
// when that may change. A zero to is no end.
func within(now, from, to time.Time, grace time.Duration, next func(time.Time)) bool {
	from = from.Add(-grace)
	next(from)
	if !to.IsZero() {
		to = to.Add(grace)
		next(to)
	}
	return !now.Before(from) && (to.IsZero() || now.Before(to))
}

// member takes over a record. Who is a controller stands in the log beside the
// record's roles, and the log is right.
func member(mesh identity.MeshID, d trust.Device, controller bool) Device {
	out := Device{
		ID: d.ID, Name: d.Name, Tags: d.Tags, Roles: d.Roles, Ownership: d.Ownership,
		Site: d.Site, Customer: d.Customer, Sequence: d.Sequence,
		Addresses: append(make([]netip.Addr, 0, 2), mesh.Address(d.ID)),
	}
	if listed := slices.Contains(d.Roles, trust.RoleController); listed != controller {
		out.Roles = slices.DeleteFunc(slices.Clone(d.Roles), func(r string) bool { return r == trust.RoleController })
		if controller {
			out.Roles = append(out.Roles, trust.RoleController)
		}
	}
	if d.IPv4.IsValid() {
		out.Addresses = append(out.Addresses, d.IPv4)
	}
	return out
}
