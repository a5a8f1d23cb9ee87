package engine

import (
	"encoding/hex"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"tailscale.com/net/ipset"
	"tailscale.com/tailcfg"
	"tailscale.com/types/views"
	wgfilter "tailscale.com/wgengine/filter"

	"warren/mesh"
	"warren/mesh/identity"
)

// regions are the rendezvous in the library's terms: a DERP region each, known
// by a number that means nothing to another machine. It is never changed.
type regions struct {
	// number holds every member that ever was a rendezvous or somebody's
	// home: a number in use must not come to mean another.
	number map[identity.NodeID]int
	member map[int]mesh.Rendezvous
}

// twin marks the second region of a lone rendezvous; see derpMap.
const twin = 1 << 15

func (r regions) next(cfg Config) regions {
	n := regions{number: maps.Clone(r.number), member: map[int]mesh.Rendezvous{}}
	if n.number == nil || len(n.number) > twin/2 {
		n.number = map[identity.NodeID]int{}
	}
	give := func(id identity.NodeID) int {
		if _, ok := n.number[id]; !ok {
			n.number[id] = len(n.number) + 1
		}
		return n.number[id]
	}
	for _, m := range cfg.Rendezvous {
		n.member[give(m.ID)] = m
	}
	for _, p := range cfg.Peers {
		if !p.Home.IsZero() {
			give(p.Home)
		}
	}
	return n
}

// of is the rendezvous behind a region's number.
func (r regions) of(number int) (mesh.Rendezvous, bool) {
	m, ok := r.member[number&^twin]
	return m, ok
}

// relayAt is the rendezvous whose packet relay has an address. One that is
// public by a name has more of them than it states; where it is the only relay,
// it is meant.
func (r regions) relayAt(at netip.AddrPort) (only mesh.Rendezvous) {
	relays := 0
	for _, m := range r.member {
		if slices.Contains(m.Relay, at) {
			return m
		}
		if len(m.Relay) > 0 {
			only = m
			relays++
		}
	}
	if relays > 1 {
		return mesh.Rendezvous{}
	}
	return only
}

// derpMap gives the library its regions; nil where there are none, as an empty
// map makes it forget its paths (DESIGN.md, traps). It tells a NAT that maps
// each destination to another port by asking two regions. Where there is but
// one rendezvous, a twin region asks its second STUN port; it is never worth
// being the home, and would work if it were. This machine finds its own
// rendezvous at own: not every NAT turns packets round. Who is gone is not
// worth being the home either, however well its host answers.
func (v *view) derpMap(own string, cuts map[int]int, gone map[int]absent) *tailcfg.DERPMap {
	if len(v.regions.member) == 0 {
		return nil
	}
	const never = 1e6
	score := map[int]float64{}
	m := &tailcfg.DERPMap{
		OmitDefaultRegions: true, Regions: map[int]*tailcfg.DERPRegion{},
		HomeParams: &tailcfg.DERPHomeParams{RegionScore: score},
	}
	for number, r := range v.regions.member {
		if r.ID == v.cfg.Self {
			r.Doors = []string{own}
		}
		m.Regions[number] = region(number, r, 0)
		if len(v.regions.member) == 1 && len(r.STUN) > 1 {
			m.Regions[number|twin] = region(number|twin, r, 1)
			score[number|twin] = never
		}
		if _, ok := gone[number]; ok {
			score[number] = never
		}
		// By another name it is another region, and the library hangs up.
		m.Regions[number].RegionName += " " + strconv.Itoa(cuts[number])
	}
	return m
}

// region has a node for each door; they are one server, tried in turn.
func region(number int, r mesh.Rendezvous, stun int) *tailcfg.DERPRegion {
	out := &tailcfg.DERPRegion{RegionID: number, RegionCode: r.ID.Short(), RegionName: r.ID.Short()}
	for _, door := range r.Doors {
		host, text, _ := net.SplitHostPort(door) // Apply has looked at it
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			continue
		}
		n := &tailcfg.DERPNode{
			Name: strconv.Itoa(number) + "-" + strconv.Itoa(len(out.Nodes)), RegionID: number,
			HostName: host, DERPPort: int(port), STUNPort: -1,
			CertName: "sha256-raw:" + hex.EncodeToString(r.Certificate[:]),
		}
		if stun < len(r.STUN) {
			n.STUNPort = int(r.STUN[stun])
		}
		if a, err := netip.ParseAddr(host); err == nil {
			// Of either family "none" keeps the library from asking DNS.
			n.IPv4, n.IPv6 = "none", "none"
			if a = a.Unmap(); a.Is4() {
				n.IPv4 = a.String()
			} else {
				n.IPv6 = a.String()
			}
			if n.DERPPort == 443 && a.Is6() {
				n.HostName = "[" + host + "]" // goes into an URL as it is
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	return out
}

// relay is a member that relays packets.
type relay struct {
	id        identity.NodeID
	addresses []netip.Addr // in the overlay; none where it is this machine
}

func (v *view) relays() []relay {
	var out []relay
	for _, r := range v.cfg.Rendezvous {
		switch p, ok := v.byID[r.ID]; {
		case len(r.Relay) == 0:
		case r.ID == v.cfg.Self:
			out = append(out, relay{id: r.ID})
		case ok:
			out = append(out, relay{r.ID, p.Addresses})
		}
	}
	return out
}

// sameRelays reports whether capabilities would say the same of w.
func (v *view) sameRelays(w *view) bool {
	return slices.EqualFunc(v.relays(), w.relays(), func(a, b relay) bool {
		return a.id == b.id && slices.Equal(a.addresses, b.addresses)
	})
}

// capabilities are what path discovery needs to know of the packet relays:
// whose this machine may use, and, where it is one itself, that every peer may
// use it.
func (v *view) capabilities() []wgfilter.Match {
	var out []wgfilter.Match
	grant := func(from []netip.Prefix, what tailcfg.PeerCapability) {
		m := wgfilter.Match{Srcs: from, SrcsContains: ipset.NewContainsIPFunc(views.SliceOf(from))}
		for _, own := range v.cfg.Addresses {
			m.Caps = append(m.Caps, wgfilter.CapMatch{Dst: own, Cap: what})
		}
		out = append(out, m)
	}
	for _, r := range v.relays() {
		if r.id == v.cfg.Self {
			grant(v.cfg.Routes, tailcfg.PeerCapabilityRelay)
			continue
		}
		var from []netip.Prefix
		for _, a := range r.addresses {
			from = append(from, netip.PrefixFrom(a, a.BitLen()))
		}
		grant(from, tailcfg.PeerCapabilityRelayTarget)
	}
	return out
}
