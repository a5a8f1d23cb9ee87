package filter

import (
	"net/netip"

	"go4.org/netipx"
	"tailscale.com/net/ipset"
	"tailscale.com/types/ipproto"
	"tailscale.com/types/logger"
	"tailscale.com/types/views"
	wgfilter "tailscale.com/wgengine/filter"
)

// Compile makes the filter the tunnel runs. Only packets to local, this
// machine's overlay addresses and the prefixes it serves, are considered at
// all. A filter that replaces an earlier one takes it as before, and then
// goes on accepting replies to flows begun under it; give nil where the new
// rules allow less, because the flow table also holds flows that peers began.
// Capabilities say who may ask what of path discovery and let no packet in.
func Compile(r *Rules, local []netip.Prefix, before *wgfilter.Filter, capabilities ...wgfilter.Match) (*wgfilter.Filter, error) {
	var b netipx.IPSetBuilder
	for _, p := range local {
		b.AddPrefix(p)
	}
	set, err := b.IPSet()
	if err != nil {
		return nil, err
	}
	return wgfilter.New(append(Matches(r), capabilities...), nil, set, nil, before, logger.Discard), nil
}

// Matches translates the rules, one Match for each.
func Matches(r *Rules) []wgfilter.Match {
	out := make([]wgfilter.Match, 0, len(r.list()))
	for _, rule := range r.list() {
		ports := wgfilter.PortRange(rule.Ports)
		if rule.Protocol == ICMP {
			ports = wgfilter.PortRange{First: 0, Last: 65535}
		}
		m := wgfilter.Match{
			IPProto:      views.SliceOf(rule.Protocol.numbers()),
			Srcs:         rule.Srcs,
			SrcsContains: ipset.NewContainsIPFunc(views.SliceOf(rule.Srcs)),
		}
		for _, d := range rule.Dsts {
			m.Dsts = append(m.Dsts, wgfilter.NetPortRange{Net: d, Ports: ports})
		}
		out = append(out, m)
	}
	return out
}

// numbers are IP protocol numbers (IANA "Assigned Internet Protocol Numbers").
func (p Protocol) numbers() []ipproto.Proto {
	switch p {
	case Any:
		return []ipproto.Proto{ipproto.TCP, ipproto.UDP, ipproto.ICMPv4, ipproto.ICMPv6}
	case TCP:
		return []ipproto.Proto{ipproto.TCP}
	case UDP:
		return []ipproto.Proto{ipproto.UDP}
	case ICMP:
		return []ipproto.Proto{ipproto.ICMPv4, ipproto.ICMPv6}
	}
	return nil
}
