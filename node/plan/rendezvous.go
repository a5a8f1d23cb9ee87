package plan

import (
	"bytes"
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"warren/consensus/policy"
	"warren/mesh"
	"warren/mesh/identity"
)

// maxRendezvous bounds how many members serve as one: each machine asks all of
// them for its own address every few minutes. Controllers come first, then who
// joined first, so that all machines pick the same.
const maxRendezvous = 32

// offers are the members that state a rendezvous and whose record lets them
// serve as one; this machine may be among them.
func (b *builder) offers() []*policy.Device {
	if b.view.Endpoints == nil {
		return nil
	}
	var out []*policy.Device
	for i := range b.dir.Devices {
		d := &b.dir.Devices[i]
		if e, ok := b.view.Endpoints(d.ID); ok && e.Rendezvous != nil && MayServe(d.Roles) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(x, y *policy.Device) int {
		return cmp.Or(-compareBool(b.view.Log.IsController(x.ID), b.view.Log.IsController(y.ID)),
			cmp.Compare(x.Sequence, y.Sequence), bytes.Compare(x.ID[:], y.ID[:]))
	})
	return out[:min(len(out), maxRendezvous)]
}

// MayServe reports whether a record with these roles lets its machine be a
// rendezvous.
func MayServe(roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool {
		return r == "controller" || r == "gateway" || r == "rendezvous"
	})
}

// meets are the machines this one may meet: those policy says, every
// rendezvous, and everybody where this machine is one. That two meet allows no
// packet beyond the mesh's own ports.
func (b *builder) meets() []*policy.Device {
	var out []*policy.Device
	known := map[identity.NodeID]bool{b.self.ID: true}
	add := func(d *policy.Device) {
		if !known[d.ID] {
			known[d.ID] = true
			out = append(out, d)
		}
	}
	for d := range b.compiled.Peers(b.self.ID) {
		add(d)
	}
	for _, d := range b.offers() {
		add(d)
		if d.ID != b.self.ID {
			continue
		}
		for i := range b.dir.Devices {
			add(&b.dir.Devices[i])
		}
	}
	return out
}

// rendezvous fills in those among the peers that are one, and this machine.
func (b *builder) rendezvous() {
	if b.view.Endpoints == nil {
		return
	}
	c := &b.plan.Mesh
	for _, d := range b.offers() {
		met := slices.ContainsFunc(c.Peers, func(p mesh.Peer) bool { return p.ID == d.ID })
		if !met && d.ID != b.self.ID {
			continue
		}
		e, _ := b.view.Endpoints(d.ID)
		c.Rendezvous = append(c.Rendezvous, mesh.Rendezvous{
			ID: d.ID, Name: d.Name, Certificate: e.Rendezvous.Certificate,
			Doors: doors(e), STUN: e.Rendezvous.STUN, Relay: b.relays(e),
		})
	}
	if e, ok := b.view.Endpoints(b.self.ID); ok {
		c.Home = e.Home
	}
	slices.SortFunc(c.Rendezvous, func(a, b mesh.Rendezvous) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

// doors are the public addresses, then the further ports on the same hosts.
func doors(e identity.Endpoints) []string {
	var out, hosts []string
	add := func(door string) {
		if !slices.Contains(out, door) {
			out = append(out, door)
		}
	}
	for _, p := range e.Public {
		if host, _, err := net.SplitHostPort(p); err == nil {
			add(p)
			hosts = append(hosts, host)
		}
	}
	if len(e.Public) == 0 {
		hosts = []string{"127.0.0.1"}
	}
	for _, host := range hosts {
		for _, port := range e.Rendezvous.TLS {
			add(net.JoinHostPort(host, strconv.Itoa(int(port))))
		}
	}
	return out
}

// relays are the addresses at which the packet relay may be seen.
func (b *builder) relays(e identity.Endpoints) []netip.AddrPort {
	if e.Rendezvous.Relay == 0 {
		return nil
	}
	var out []netip.AddrPort
	add := func(a netip.Addr) {
		if at := netip.AddrPortFrom(a, e.Rendezvous.Relay); !b.overlay(a) && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	for _, a := range e.Addresses {
		add(a.Addr())
	}
	for _, p := range e.Public {
		if a, err := netip.ParseAddrPort(p); err == nil {
			add(a.Addr().Unmap())
		}
	}
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
