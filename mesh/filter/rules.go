package filter

import (
	"fmt"
	"net/netip"
	"slices"
)

// Protocol is what a Rule speaks about.
type Protocol uint8

const (
	// Any is TCP, UDP and ICMP.
	Any Protocol = iota
	TCP
	UDP
	// ICMP is ICMPv4 and ICMPv6; the ports of such a Rule mean nothing.
	ICMP
)

// String gives the word policies use.
func (p Protocol) String() string {
	switch p {
	case Any:
		return "any"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMP:
		return "icmp"
	}
	return fmt.Sprintf("protocol(%d)", uint8(p))
}

// Ports is an inclusive range. The zero value is port 0 alone, which nothing
// uses: a forgotten range closes rather than opens.
type Ports struct{ First, Last uint16 }

// AllPorts is every port.
func AllPorts() Ports { return Ports{0, 65535} }

// Port is a range of one.
func Port(n uint16) Ports { return Ports{n, n} }

// Contains reports whether n lies in the range.
func (p Ports) Contains(n uint16) bool { return p.First <= n && n <= p.Last }

// Rule allows packets from any of Srcs to any of Dsts.
type Rule struct {
	Srcs, Dsts []netip.Prefix
	Protocol   Protocol
	Ports      Ports
}

// Rules are the rules of one machine. The zero value, like a nil pointer,
// allows nothing. Rules are not changed once they are shared.
type Rules struct{ List []Rule }

// Allows reports whether a flow from src to port on dst may begin. It is the
// reference: slow, and obviously what the rules mean. For ICMP the port is
// ignored, and every Rule between the two addresses counts, whatever its
// protocol.
func (r *Rules) Allows(src, dst netip.Addr, proto Protocol, port uint16) bool {
	if r == nil || src.Is4() != dst.Is4() {
		return false
	}
	for _, rule := range r.List {
		if !containsAddr(rule.Srcs, src) || !containsAddr(rule.Dsts, dst) {
			continue
		}
		if proto == ICMP {
			return true
		}
		if rule.Protocol != proto && rule.Protocol != Any {
			continue
		}
		if rule.Ports.Contains(port) {
			return true
		}
	}
	return false
}

// Equal reports whether both are the same rules in the same order.
func (r *Rules) Equal(o *Rules) bool {
	return slices.EqualFunc(r.list(), o.list(), Rule.equal)
}

// Covers reports that r certainly allows all that o allows: each rule of o
// lies within one rule of r. False means "perhaps not".
func (r *Rules) Covers(o *Rules) bool {
	for _, theirs := range o.list() {
		within := func(mine Rule) bool { return mine.covers(theirs) }
		if !slices.ContainsFunc(r.list(), within) {
			return false
		}
	}
	return true
}

func (r *Rules) list() []Rule {
	if r == nil {
		return nil
	}
	return r.List
}

func (r Rule) equal(o Rule) bool {
	return r.Protocol == o.Protocol && r.Ports == o.Ports &&
		slices.Equal(r.Srcs, o.Srcs) && slices.Equal(r.Dsts, o.Dsts)
}

func (r Rule) covers(o Rule) bool {
	if r.Protocol != Any && r.Protocol != o.Protocol {
		return false
	}
	// ICMP knows no ports.
	if o.Protocol != ICMP && (o.Ports.First < r.Ports.First || o.Ports.Last > r.Ports.Last) {
		return false
	}
	return coverPrefixes(r.Srcs, o.Srcs) && coverPrefixes(r.Dsts, o.Dsts)
}

// coverPrefixes looks for equal prefixes first: lists mostly grow by a few
// entries, and a list of 5,000 peers must not be compared pair by pair.
func coverPrefixes(outer, inner []netip.Prefix) bool {
	have := make(map[netip.Prefix]struct{}, len(outer))
	for _, p := range outer {
		have[p.Masked()] = struct{}{}
	}
	for _, p := range inner {
		p = p.Masked()
		covered := false
		for bits := p.Bits(); bits >= 0 && !covered; bits-- {
			_, covered = have[netip.PrefixFrom(p.Addr(), bits).Masked()]
		}
		if !covered {
			return false
		}
	}
	return true
}

func containsAddr(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
