package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"tailscale.com/tailcfg"

	"warren/mesh"
	"warren/mesh/filter"
	"warren/mesh/identity"
)

// Peer and Config are the room's own words.
type (
	Peer   = mesh.Peer
	Config = mesh.Config
)

// nodeNumber is the 63-bit number magicsock knows a node by: the first eight
// bytes of the NodeID, which is a hash already. Zero stands for no node, and
// becomes one.
func nodeNumber(id identity.NodeID) tailcfg.NodeID {
	n := int64(binary.BigEndian.Uint64(id[:8]) &^ (1 << 63))
	return tailcfg.NodeID(max(n, 1))
}

func samePeer(p, o Peer) bool {
	return p.ID == o.ID && p.WireGuard == o.WireGuard && p.Disco == o.Disco &&
		slices.Equal(p.Addresses, o.Addresses) &&
		slices.Equal(p.AllowedIPs, o.AllowedIPs) &&
		slices.Equal(p.Endpoints, o.Endpoints) && p.Home == o.Home
}

// allowedIPs are the prefixes the peer may send from.
func allowedIPs(p Peer) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(p.Addresses)+len(p.AllowedIPs))
	for _, a := range p.Addresses {
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	for _, r := range p.AllowedIPs {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// normalise returns the config with its peers in a fixed order, without those
// that cannot be, and with the endpoints that may be tried. It says what is
// wrong with what it left out.
func normalise(c Config, selfKey [32]byte, loopback bool) (Config, error) {
	c.Addresses = slices.Clone(c.Addresses)
	c.Routes = slices.Clone(c.Routes)
	slices.SortFunc(c.Routes, comparePrefix)
	c.Routes = slices.Compact(c.Routes)
	if c.Filter == nil {
		c.Filter = &filter.Rules{}
	}
	peers := slices.Clone(c.Peers)
	slices.SortFunc(peers, func(a, b Peer) int { return slices.Compare(a.ID[:], b.ID[:]) })

	var errs []error
	kept := peers[:0]
	numbers := map[tailcfg.NodeID]identity.NodeID{nodeNumber(c.Self): c.Self}
	keys := map[[32]byte]identity.NodeID{selfKey: c.Self}
	addrs := map[netip.Addr]identity.NodeID{}
	for _, a := range c.Addresses {
		addrs[a.Addr()] = c.Self
	}
	for _, p := range peers {
		if err := checkPeer(p, c.Self, c.Mesh, numbers, keys, addrs); err != nil {
			errs = append(errs, err)
			continue
		}
		numbers[nodeNumber(p.ID)] = p.ID
		keys[p.WireGuard], keys[p.Disco] = p.ID, p.ID
		for _, a := range p.Addresses {
			addrs[a] = p.ID
		}
		p.Endpoints = slices.Clone(p.Endpoints)
		kept = append(kept, p)
	}
	prefixes := map[netip.Prefix]identity.NodeID{}
	for i := range kept {
		var bad error
		kept[i].AllowedIPs, bad = keepPrefixes(c, kept[i], prefixes, addrs)
		errs = append(errs, bad)
		kept[i].Endpoints = slices.DeleteFunc(kept[i].Endpoints, func(ep netip.AddrPort) bool {
			_, overlay := addrs[ep.Addr()]
			return overlay || c.Mesh.Prefix().Contains(ep.Addr()) || !usable(ep) ||
				(loopback && !ep.Addr().IsLoopback())
		})
	}
	c.Peers = kept
	c.Rendezvous = keepRendezvous(c, addrs, loopback)
	return c, errors.Join(errs...)
}

// keepRendezvous leaves out doors that lead into the tunnel, or to the wrong
// side of loopback, and who has no other.
func keepRendezvous(c Config, overlay map[netip.Addr]identity.NodeID, loopback bool) []mesh.Rendezvous {
	var kept []mesh.Rendezvous
	for _, r := range c.Rendezvous {
		r.Doors = slices.DeleteFunc(slices.Clone(r.Doors), func(door string) bool {
			host, _, err := net.SplitHostPort(door)
			if err != nil || host == "" {
				return true
			}
			a, err := netip.ParseAddr(host)
			if err != nil { // a name
				return loopback
			}
			_, inside := overlay[a]
			return inside || c.Mesh.Prefix().Contains(a) || a.IsUnspecified() || a.IsLoopback() != loopback
		})
		if len(r.Doors) > 0 {
			kept = append(kept, r)
		}
	}
	slices.SortFunc(kept, func(a, b mesh.Rendezvous) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return kept
}

func checkPeer(p Peer, self identity.NodeID, mesh identity.MeshID, numbers map[tailcfg.NodeID]identity.NodeID,
	keys map[[32]byte]identity.NodeID, addrs map[netip.Addr]identity.NodeID,
) error {
	if p.ID == self {
		return fmt.Errorf("peer %s: is this machine", p.ID.Short())
	}
	if other, ok := numbers[nodeNumber(p.ID)]; ok {
		return fmt.Errorf("peer %s: named like %s", p.ID, other)
	}
	for _, k := range [][32]byte{p.WireGuard, p.Disco} {
		if k == [32]byte{} {
			return fmt.Errorf("peer %s: a key is missing", p.ID.Short())
		}
		if other, ok := keys[k]; ok {
			return fmt.Errorf("peer %s: has a key of %s", p.ID.Short(), other.Short())
		}
	}
	for _, a := range p.Addresses {
		if mesh.Prefix().Contains(a) && a != mesh.Address(p.ID) {
			return fmt.Errorf("peer %s: address %s does not follow from its id", p.ID.Short(), a)
		}
		if other, ok := addrs[a]; ok {
			return fmt.Errorf("peer %s: has address %s of %s", p.ID.Short(), a, other.Short())
		}
	}
	return nil
}

// keepPrefixes leaves out of a peer's AllowedIPs what would let it speak for
// others. WireGuard's own table does not help against that, as it holds only
// peers that have been spoken with.
func keepPrefixes(c Config, p Peer, taken map[netip.Prefix]identity.NodeID,
	addrs map[netip.Addr]identity.NodeID,
) ([]netip.Prefix, error) {
	var kept []netip.Prefix
	var errs []error
	for _, r := range p.AllowedIPs {
		if r.IsSingleIP() && slices.Contains(p.Addresses, r.Addr()) {
			kept = append(kept, r)
			continue
		}
		overlay := r.Overlaps(c.Mesh.Prefix())
		for a := range addrs {
			overlay = overlay || r.Contains(a)
		}
		other, twice := taken[r]
		switch {
		case !r.IsValid() || r != r.Masked():
			errs = append(errs, fmt.Errorf("peer %s: %s is no prefix", p.ID.Short(), r))
		case overlay:
			errs = append(errs, fmt.Errorf("peer %s: prefix %s holds addresses of the overlay", p.ID.Short(), r))
		case twice:
			errs = append(errs, fmt.Errorf("peer %s: has prefix %s of %s", p.ID.Short(), r, other.Short()))
		default:
			taken[r] = p.ID
			kept = append(kept, r)
		}
	}
	return kept, errors.Join(errs...)
}

func usable(ep netip.AddrPort) bool {
	a := ep.Addr()
	return ep.IsValid() && ep.Port() != 0 && !a.IsUnspecified() && !a.IsMulticast()
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}
