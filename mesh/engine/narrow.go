package engine

import (
	"net"
	"net/netip"
	"slices"
)

// aroundPacket is what a tunnel adds to an overlay packet, with IPv6 outside:
// 40 of IPv6, 8 of UDP, 32 of WireGuard's data message.
const aroundPacket = 80

// dropNarrow leaves out addresses on interfaces that a full overlay packet
// does not fit through, as those of other tunnels are. Small packets pass
// there, so that a path over one is taken for a good one, and batches of full
// ones are refused by the kernel (UDP_SEGMENT has no fragments). Where nothing
// wider is left, narrow ones stay.
func dropNarrow(eps []netip.AddrPort, mtu int) []netip.AddrPort {
	narrow := addressesBelow(mtu + aroundPacket)
	wide := slices.DeleteFunc(slices.Clone(eps), func(ep netip.AddrPort) bool { return narrow[ep.Addr()] })
	if len(wide) == 0 {
		return eps
	}
	return wide
}

func addressesBelow(mtu int) map[netip.Addr]bool {
	ifcs, err := net.Interfaces()
	if err != nil {
		return nil
	}
	found := make(map[netip.Addr]bool)
	for _, ifc := range ifcs {
		if ifc.MTU >= mtu {
			continue
		}
		addrs, _ := ifc.Addrs() // of one that has just gone: none
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				found[p.Addr()] = true
			}
		}
	}
	return found
}
