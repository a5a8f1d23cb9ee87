package trust

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"slices"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// Bounds of a record.
const (
	MaxTags   = 32
	MaxRoutes = 8
	// MaxText bounds site, customer and owner, in bytes.
	MaxText = 128
	// An IPv4 range is no wider and no narrower than these.
	minRangeBits = 8
	maxRangeBits = 28

	nonceSize = 16
)

// CheckName reports whether a mesh, machine or technician may be called so:
// nil, or an ErrInvalid that tells the rule.
func CheckName(name string) error {
	if !identity.ValidName(name) {
		return fmt.Errorf("%w: name %.80q, want 1 to 63 of a-z, 0-9 and '-', with no '-' at either end", ErrInvalid, name)
	}
	return nil
}

func found(d decoded) (*Log, error) {
	g := d.entry.GetGenesis()
	switch {
	case g == nil:
		return nil, fmt.Errorf("%w: the first entry founds no mesh", ErrInvalid)
	case len(d.entry.GetParent()) != 0 || d.entry.GetSequence() != 0 || len(d.entry.GetRevocations()) != 0:
		return nil, fmt.Errorf("%w: a genesis comes before all else", ErrInvalid)
	case CheckName(g.GetName()) != nil:
		return nil, CheckName(g.GetName())
	case len(g.GetNonce()) != nonceSize:
		return nil, fmt.Errorf("%w: a nonce of %d bytes, want %d", ErrInvalid, len(g.GetNonce()), nonceSize)
	case len(g.GetRecoveryKey()) != ed25519.PublicKeySize:
		return nil, fmt.Errorf("%w: a recovery key of %d bytes", ErrInvalid, len(g.GetRecoveryKey()))
	}
	t := g.GetThresholds()
	l := &Log{
		mesh: d.hash, name: g.GetName(), recovery: g.GetRecoveryKey(),
		thresholds: thresholds{t.GetAdmin(), t.GetController(), t.GetDevice(), t.GetGateway(), t.GetPolicy()},
	}
	for _, k := range []uint32{t.GetAdmin(), t.GetController(), t.GetDevice(), t.GetGateway(), t.GetPolicy()} {
		if k == 0 || k > identity.MaxSignatures {
			return nil, fmt.Errorf("%w: a threshold of %d, want 1 to %d", ErrInvalid, k, identity.MaxSignatures)
		}
	}
	var err error
	if l.ipv4, err = netip.ParsePrefix(g.GetIpv4Range()); err != nil || !l.ipv4.Addr().Is4() || l.ipv4 != l.ipv4.Masked() ||
		l.ipv4.Bits() < minRangeBits || l.ipv4.Bits() > maxRangeBits {
		return nil, fmt.Errorf("%w: IPv4 range %.40q, want a /%d to /%d", ErrInvalid, g.GetIpv4Range(), minRangeBits, maxRangeBits)
	}
	if !g.GetFounder().GetAdmin() || len(d.signers) != 1 || !d.signers.Has(g.GetFounder().GetKey()) {
		return nil, fmt.Errorf("%w: the founder, an admin, signs the genesis, and nobody else", ErrUnauthorised)
	}
	w := writer{Log: l, batch: &batch{}, decoded: d}
	if err := w.technician(g.GetFounder()); err != nil {
		return nil, err
	}
	founder, _ := l.technicians.get(g.GetFounder().GetKey())
	if err := founder.validAt(d.time()); err != nil {
		return nil, err
	}
	l.head = d.hash
	l.entries, l.size = l.entries.with(ordinal(0), link{d.statement, d.hash}), sizeOf(d.statement)
	return l, nil
}

// technicianOf is a record that is well-formed by itself.
func technicianOf(m *warrenv1.TechnicianRecord) (Technician, error) {
	t := Technician{
		Name: m.GetName(), Key: m.GetKey(), Admin: m.GetAdmin(), NotBefore: unix(m.GetNotBefore()), NotAfter: unix(m.GetNotAfter()),
		Invite: m.GetInvite(),
	}
	switch {
	case CheckName(t.Name) != nil:
		return t, CheckName(t.Name)
	case len(t.Key) != ed25519.PublicKeySize || len(m.GetNode()) != len(t.Node):
		return t, fmt.Errorf("%w: a technician's key or node of the wrong size", ErrInvalid)
	case len(t.Invite) != 0 && len(t.Invite) != inviteSize:
		return t, fmt.Errorf("%w: an invite id of %d bytes", ErrInvalid, len(t.Invite))
	case !validPeriod(m.GetNotBefore(), m.GetNotAfter()):
		return t, fmt.Errorf("%w: technician %s ends before he begins", ErrInvalid, t.Name)
	}
	copy(t.Node[:], m.GetNode())
	return t, nil
}

func (w *writer) technician(m *warrenv1.TechnicianRecord) error {
	t, err := technicianOf(m)
	if err != nil {
		return err
	}
	t.Sequence = w.entry.GetSequence()
	switch {
	case w.folded.has(kindTechnician, t.Key):
		return fmt.Errorf("%w: the key of technician %s; a new one is needed", ErrRevoked, t.Name)
	case w.technicians.has(t.Key) || t.Key.Equal(w.recovery) || w.isNodeKey(t.Key):
		return fmt.Errorf("%w: the key of technician %s", ErrDuplicate, t.Name)
	}
	if key, ok := w.technicianNames.get([]byte(t.Name)); ok && !w.folded.has(kindTechnician, []byte(key)) {
		return fmt.Errorf("%w: technician name %s", ErrDuplicate, t.Name)
	}
	if key, ok := w.technicianNodes.get(t.Node[:]); ok && !w.folded.has(kindTechnician, []byte(key)) {
		return fmt.Errorf("%w: another technician works from machine %s", ErrDuplicate, t.Node.Short())
	}
	w.technicians = w.technicians.with(t.Key, t)
	w.technicianNames = w.technicianNames.with([]byte(t.Name), string(t.Key))
	w.technicianNodes = w.technicianNodes.with(t.Node[:], string(t.Key))
	if t.Admin {
		w.admins++
	}
	return nil
}

func (l *Log) isNodeKey(key ed25519.PublicKey) bool {
	id := identity.NodeIDOf(key)
	return l.devices.has(id[:])
}

func (w *writer) controller(m *warrenv1.ControllerRecord) error {
	id := identity.NodeIDOf(m.GetKey())
	d, ok := w.devices.get(id[:])
	switch {
	case !ok || !slices.Contains(d.Roles, RoleController):
		return fmt.Errorf("%w: machine %s has no record with the role controller", ErrInvalid, id.Short())
	case w.folded.has(kindNode, id[:]) || w.folded.has(kindController, id[:]):
		return fmt.Errorf("%w: machine %s", ErrRevoked, d.Name)
	case w.controllers.has(id[:]):
		return fmt.Errorf("%w: controller %s", ErrDuplicate, d.Name)
	}
	w.controllers = w.controllers.with(id[:], id)
	return nil
}

func (w *writer) replacePolicy(m *warrenv1.PolicyRecord) error {
	if len(m.GetHash()) != len(w.policy) {
		return fmt.Errorf("%w: a policy hash of %d bytes", ErrInvalid, len(m.GetHash()))
	}
	if m.GetRevision() != w.revision+1 {
		return fmt.Errorf("%w: policy revision %d after %d", ErrInvalid, m.GetRevision(), w.revision)
	}
	w.policy = [32]byte(m.GetHash())
	w.revision = m.GetRevision()
	return nil
}

// deviceThreshold is the highest of what a record's roles and routes ask for.
func (w *writer) deviceThreshold(m *warrenv1.DeviceRecord) uint32 {
	k := w.thresholds.device
	if slices.Contains(m.GetRoles(), RoleController) {
		k = max(k, w.thresholds.controller)
	}
	if slices.Contains(m.GetRoles(), RoleGateway) || len(m.GetRoutes()) != 0 {
		k = max(k, w.thresholds.gateway)
	}
	return k
}

func (w *writer) deviceOf(m *warrenv1.DeviceRecord) (Device, error) {
	d := Device{
		ID: identity.NodeIDOf(m.GetKey()), Key: m.GetKey(), Name: m.GetName(), Roles: m.GetRoles(), Tags: m.GetTags(),
		Site: m.GetSite(), Customer: m.GetCustomer(), Ownership: m.GetOwnership(), Owner: m.GetOwner(),
		NotBefore: unix(m.GetNotBefore()), NotAfter: unix(m.GetNotAfter()), Epoch: m.GetEpoch(), Invite: m.GetInvite(),
	}
	switch {
	case len(d.Key) != ed25519.PublicKeySize || len(m.GetIpv4()) != 4:
		return Device{}, fmt.Errorf("%w: a device's key or IPv4 address of the wrong size", ErrInvalid)
	case len(d.Invite) != 0 && len(d.Invite) != inviteSize:
		return Device{}, fmt.Errorf("%w: an invite id of %d bytes", ErrInvalid, len(d.Invite))
	case d.Ownership != warrenv1.Ownership_OWNERSHIP_MANAGED && d.Ownership != warrenv1.Ownership_OWNERSHIP_BYOD:
		return Device{}, fmt.Errorf("%w: ownership %d", ErrInvalid, d.Ownership)
	case !identity.ValidText(d.Site, MaxText) || !identity.ValidText(d.Customer, MaxText) || !identity.ValidText(d.Owner, MaxText):
		return Device{}, fmt.Errorf("%w: site, customer or owner not printable or over %d bytes", ErrInvalid, MaxText)
	case !validPeriod(m.GetNotBefore(), m.GetNotAfter()):
		return Device{}, fmt.Errorf("%w: device %.80q ends before it begins", ErrInvalid, d.Name)
	case len(d.Tags) > MaxTags || !distinct(d.Tags, identity.ValidName):
		return Device{}, fmt.Errorf("%w: tags %.200q, want at most %d different ones", ErrInvalid, d.Tags, MaxTags)
	case len(d.Roles) == 0 || !distinct(d.Roles, validRole):
		return Device{}, fmt.Errorf("%w: roles %.200q", ErrInvalid, d.Roles)
	}
	d.IPv4 = netip.AddrFrom4([4]byte(m.GetIpv4()))
	var err error
	if d.Routes, err = w.routes(m); err != nil {
		return Device{}, err
	}
	return d, nil
}

func (w *writer) routes(m *warrenv1.DeviceRecord) ([]netip.Prefix, error) {
	if len(m.GetRoutes()) > MaxRoutes || len(m.GetRoutes()) != 0 && !slices.Contains(m.GetRoles(), RoleGateway) {
		return nil, fmt.Errorf("%w: %d routes, want at most %d and on a gateway", ErrInvalid, len(m.GetRoutes()), MaxRoutes)
	}
	var out []netip.Prefix
	for _, text := range m.GetRoutes() {
		p, err := netip.ParsePrefix(text)
		// Neither everything nor the overlay itself.
		if err != nil || p != p.Masked() || p.Addr().Is4In6() || p.Bits() == 0 ||
			p.Overlaps(w.ipv4) || p.Overlaps(w.mesh.Prefix()) || slices.Contains(out, p) {
			return nil, fmt.Errorf("%w: route %.60q", ErrInvalid, text)
		}
		out = append(out, p)
	}
	return out, nil
}

// device adds a record that is well-formed, if nothing of it is taken.
func (w *writer) device(d Device) error {
	d.Sequence = w.entry.GetSequence()
	switch {
	case CheckName(d.Name) != nil:
		return CheckName(d.Name)
	case w.folded.has(kindNode, d.ID[:]):
		return fmt.Errorf("%w: machine %s; it needs a new key", ErrRevoked, d.ID.Short())
	case w.devices.has(d.ID[:]) || w.technicians.has(d.Key) || d.Key.Equal(w.recovery):
		return fmt.Errorf("%w: the key of device %s", ErrDuplicate, d.Name)
	case !w.hostAddress(d.IPv4):
		return fmt.Errorf("%w: IPv4 address %s is none of %s", ErrInvalid, d.IPv4, w.ipv4)
	case w.addressTaken(d.IPv4.As4()):
		return fmt.Errorf("%w: IPv4 address %s", ErrDuplicate, d.IPv4)
	}
	if holder, ok := w.names.get([]byte(d.Name)); ok && !w.folded.has(kindNode, holder[:]) {
		return fmt.Errorf("%w: device name %s", ErrDuplicate, d.Name)
	}
	w.devices = w.devices.with(d.ID[:], d)
	w.listing = w.listing.with(append([]byte(d.Name+"\x00"), d.ID[:]...), d.ID)
	w.names = w.names.with([]byte(d.Name), d.ID)
	w.addresses = w.addresses.with(d.IPv4.AsSlice(), d.ID)
	if len(d.Invite) != 0 {
		w.uses = w.uses.with(append(bytes.Clone(d.Invite), ordinal(d.Sequence)...), d.ID)
	}
	return nil
}

func validRole(s string) bool {
	return slices.Contains([]string{RoleDevice, RoleGateway, RoleController, RoleTechnician, RoleRendezvous}, s)
}

func distinct(list []string, valid func(string) bool) bool {
	for i, s := range list {
		if !valid(s) || slices.Contains(list[:i], s) {
			return false
		}
	}
	return true
}
