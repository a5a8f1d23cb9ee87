package trust

import (
	"bytes"
	"crypto/ed25519"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// The roles of a device record.
const (
	RoleDevice     = "device"
	RoleGateway    = "gateway"
	RoleController = "controller"
	RoleTechnician = "technician"
	RoleRendezvous = "rendezvous"
)

// Device is a machine's record. Its slices are shared: not to be changed.
type Device struct {
	ID        identity.NodeID
	Key       ed25519.PublicKey
	Name      string
	Roles     []string
	Tags      []string
	Site      string
	Customer  string
	Ownership warrenv1.Ownership
	Owner     string
	IPv4      netip.Addr
	Routes    []netip.Prefix
	NotBefore time.Time
	// NotAfter is zero for a record without end.
	NotAfter time.Time
	Epoch    uint64
	// Invite is the invite that led here: 8 bytes or nil.
	Invite   []byte
	Sequence uint64
	Revoked  bool
	// Approver is the technician who signed, or whose invite needed nobody.
	Approver string
}

// Role is the one that says most: controller, gateway, technician or device.
func (d Device) Role() string {
	for _, role := range []string{RoleController, RoleGateway, RoleTechnician} {
		if slices.Contains(d.Roles, role) {
			return role
		}
	}
	return RoleDevice
}

// Technician is a person who may sign.
type Technician struct {
	Name  string
	Key   ed25519.PublicKey
	Admin bool
	// Node is the machine he works from.
	Node      identity.NodeID
	NotBefore time.Time
	// NotAfter is zero for a record without end.
	NotAfter time.Time
	Invite   []byte
	Sequence uint64
	Revoked  bool
}

// Device finds a machine, revoked or not. One whose right to order was revoked
// has no longer the role controller.
func (l *Log) Device(id identity.NodeID) (Device, bool) {
	d, ok := l.devices.get(id[:])
	if ok {
		d.Revoked = l.Revoked(kindNode, id[:])
		if slices.Contains(d.Roles, RoleController) && l.Revoked(kindController, id[:]) {
			d.Roles = slices.DeleteFunc(slices.Clone(d.Roles), func(r string) bool { return r == RoleController })
		}
	}
	return d, ok
}

// DeviceByName finds the last machine of that name in any case; the one in
// force, where there is one.
func (l *Log) DeviceByName(name string) (Device, bool) {
	id, ok := l.names.get([]byte(strings.ToLower(name)))
	if !ok {
		return Device{}, false
	}
	return l.Device(id)
}

// DeviceByKey finds a machine by its node key.
func (l *Log) DeviceByKey(key []byte) (Device, bool) {
	d, ok := l.Device(identity.NodeIDOf(key))
	if !ok || !bytes.Equal(d.Key, key) {
		return Device{}, false
	}
	return d, true
}

// Devices yields all machines by name, the revoked included.
func (l *Log) Devices() iter.Seq[Device] {
	return func(yield func(Device) bool) {
		for id := range l.listing.all(nil) {
			if d, ok := l.Device(id); ok && !yield(d) {
				return
			}
		}
	}
}

// Technician finds a technician by key, revoked or not.
func (l *Log) Technician(key []byte) (Technician, bool) {
	t, ok := l.technicians.get(key)
	if ok {
		t.Revoked = l.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, key)
	}
	return t, ok
}

// TechnicianByName finds the last technician of that name in any case.
func (l *Log) TechnicianByName(name string) (Technician, bool) {
	key, ok := l.technicianNames.get([]byte(strings.ToLower(name)))
	if !ok {
		return Technician{}, false
	}
	return l.Technician([]byte(key))
}

// TechnicianOfNode finds the last technician who works from a machine.
func (l *Log) TechnicianOfNode(id identity.NodeID) (Technician, bool) {
	key, ok := l.technicianNodes.get(id[:])
	if !ok {
		return Technician{}, false
	}
	return l.Technician([]byte(key))
}

// Technicians are all technicians by name, the revoked included.
func (l *Log) Technicians() []Technician {
	var out []Technician
	for t := range l.technicians.all(nil) {
		t.Revoked = l.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, t.Key)
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Technician) int {
		return strings.Compare(a.Name+"\x00"+string(a.Key), b.Name+"\x00"+string(b.Key))
	})
	return out
}

// Controllers are the machines that order what all agree on, by NodeID.
func (l *Log) Controllers() []identity.NodeID {
	var out []identity.NodeID
	for id := range l.controllers.all(nil) {
		if l.IsController(id) {
			out = append(out, id)
		}
	}
	return out
}

// IsController reports whether a machine is a controller and neither it nor its
// right to order is revoked.
func (l *Log) IsController(id identity.NodeID) bool {
	return l.controllers.has(id[:]) && !l.Revoked(kindNode, id[:]) && !l.Revoked(kindController, id[:])
}

// InviteUses are the machines an invite let in, the first one first.
func (l *Log) InviteUses(invite []byte) []identity.NodeID {
	if len(invite) != inviteSize {
		return nil
	}
	return slices.Collect(l.uses.all(invite))
}
