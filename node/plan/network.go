package plan

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"

	"warren/consensus/policy"
	"warren/mesh"
	"warren/mesh/filter"
	"warren/mesh/identity"
)

// network fills in addresses, routes and peers.
func (b *builder) network() {
	c := &b.plan.Mesh
	c.Addresses = prefixes(b.addresses())
	c.Routes = []netip.Prefix{b.view.Log.Mesh().Prefix(), b.view.Log.IPv4Range()}
	met := b.met()
	c.Peers = make([]mesh.Peer, 0, len(met))
	owner := b.ownKeys()
	for _, m := range met {
		if !b.claims(owner, m) {
			c.Peers = append(c.Peers, b.peer(m))
		}
	}
	slices.SortFunc(c.Peers, func(a, b mesh.Peer) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	b.rendezvous()
}

// stated is a member with the keys it stated.
type stated struct {
	*policy.Device
	wireguard, disco [32]byte
}

// met are the members this machine may meet and whose keys are known, in the
// order they joined.
func (b *builder) met() []stated {
	if b.view.Keys == nil {
		return nil
	}
	var out []stated
	add := func(d *policy.Device) {
		if k, ok := b.view.Keys(d.ID); ok {
			out = append(out, stated{d, k.WireGuard, k.Disco})
		} else {
			b.plan.Silent = append(b.plan.Silent, d.ID)
		}
	}
	if b.inForce {
		for _, d := range b.meets() {
			add(d)
		}
	} else {
		for i := range b.dir.Devices {
			if d := &b.dir.Devices[i]; b.view.Log.IsController(d.ID) {
				add(d)
			}
		}
	}
	slices.SortFunc(b.plan.Silent, func(a, b identity.NodeID) int { return bytes.Compare(a[:], b[:]) })
	slices.SortFunc(out, func(a, b stated) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return out
}

func (b *builder) ownKeys() map[[32]byte]string {
	owner := map[[32]byte]string{}
	if b.view.Keys != nil {
		if k, ok := b.view.Keys(b.self.ID); ok {
			owner[k.WireGuard], owner[k.Disco] = b.self.Name, b.self.Name
		}
	}
	return owner
}

// claims reports whether a member states a key that an earlier one has, and
// notes its keys otherwise. A key statement proves that its node holds the
// private halves, so that only two who share them get here; WireGuard knows
// peers by key and can take one of them.
func (b *builder) claims(owner map[[32]byte]string, m stated) bool {
	for _, k := range [][32]byte{m.wireguard, m.disco} {
		if other, taken := owner[k]; taken {
			b.warn("device %s states a key of %s and is left out", m.Name, other)
			return true
		}
	}
	owner[m.wireguard], owner[m.disco] = m.Name, m.Name
	return false
}

func (b *builder) peer(m stated) mesh.Peer {
	p := mesh.Peer{ID: m.ID, WireGuard: m.wireguard, Disco: m.disco, Addresses: m.Addresses, AllowedIPs: prefixes(m.Addresses)}
	if b.view.Endpoints == nil {
		return p
	}
	stated, _ := b.view.Endpoints(m.ID)
	for _, e := range stated.Addresses {
		if !b.overlay(e.Addr()) { // a tunnel is no path to itself
			p.Endpoints = append(p.Endpoints, e)
		}
	}
	p.Home = stated.Home
	return p
}

func (b *builder) overlay(a netip.Addr) bool {
	return slices.ContainsFunc(b.plan.Mesh.Routes, func(r netip.Prefix) bool { return r.Contains(a) })
}

// addresses are this machine's overlay addresses, IPv6 first.
func (b *builder) addresses() []netip.Addr {
	out := []netip.Addr{b.view.Log.Mesh().Address(b.self.ID)}
	if b.self.IPv4.IsValid() {
		out = append(out, b.self.IPv4)
	}
	return out
}

func prefixes(addrs []netip.Addr) []netip.Prefix {
	out := make([]netip.Prefix, len(addrs))
	for i, a := range addrs {
		out[i] = netip.PrefixFrom(a, a.BitLen())
	}
	return out
}

// filter fills in what peers may begin here. The mesh's own ports are open to
// the whole overlay rather than to a list of peers: WireGuard takes packets
// from peers only, each from its own addresses, and so the rules stay as they
// are while peers come and go.
func (b *builder) filter() {
	overlay, here := b.plan.Mesh.Routes, b.plan.Mesh.Addresses
	rules := &filter.Rules{List: []filter.Rule{
		{Srcs: overlay, Dsts: here, Protocol: filter.TCP, Ports: filter.Port(mesh.PeerPort)},
		{Srcs: overlay, Dsts: here, Protocol: filter.UDP, Ports: filter.Port(mesh.SessionPort)},
		{Srcs: overlay, Dsts: here, Protocol: filter.TCP, Ports: filter.Port(mesh.GossipPort)},
		{Srcs: overlay, Dsts: here, Protocol: filter.UDP, Ports: filter.Port(mesh.GossipPort)},
		{Srcs: overlay, Dsts: here, Protocol: filter.ICMP, Ports: filter.AllPorts()},
	}}
	for _, g := range b.compiled.Packets(b.self.ID) {
		var from []netip.Prefix
		for _, d := range g.From {
			from = append(from, prefixes(d.Addresses)...)
		}
		for _, p := range g.IP {
			rules.List = append(rules.List, filter.Rule{Srcs: from, Dsts: here, Protocol: protocol(p.Protocol), Ports: ports(p)})
		}
	}
	b.plan.Mesh.Filter = rules
}

func protocol(p policy.Protocol) filter.Protocol {
	switch p {
	case policy.TCP:
		return filter.TCP
	case policy.UDP:
		return filter.UDP
	case policy.ICMP:
		return filter.ICMP
	case policy.Any:
	}
	return filter.Any
}

func ports(p policy.Ports) filter.Ports {
	if p.Protocol == policy.TCP || p.Protocol == policy.UDP {
		return filter.Ports{First: p.First, Last: p.Last}
	}
	return filter.AllPorts()
}
