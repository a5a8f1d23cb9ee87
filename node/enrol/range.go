package enrol

import (
	"net"
	"net/netip"

	"warren/node/fault"
	"warren/node/platform"
)

// freeRange picks the first of a few private /16 that no address or route of
// this machine meets. They avoid what homes, hotels, clouds and other overlay
// networks (100.64.0.0/10) commonly use.
func freeRange() (netip.Prefix, error) {
	taken, err := takenPrefixes()
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, text := range []string{"10.87.0.0/16", "10.213.0.0/16", "172.27.0.0/16", "10.149.0.0/16", "198.18.0.0/16"} {
		p := netip.MustParsePrefix(text)
		if !meets(p, taken) {
			return p, nil
		}
	}
	return netip.Prefix{}, fault.New(fault.Conflict, "every usual overlay IPv4 range is in use on this machine").Try("--range CIDR")
}

// CheckRange refuses a range that is no private IPv4 network of a useful size
// or that this machine already routes elsewhere.
func CheckRange(p netip.Prefix) error {
	if !p.Addr().Is4() || p.Bits() < 8 || p.Bits() > 24 || p != p.Masked() {
		return fault.New(fault.Invalid, "range %s is not an IPv4 network between /8 and /24", p).Try("--range 10.77.0.0/16")
	}
	taken, err := takenPrefixes()
	if err != nil {
		return err
	}
	if meets(p, taken) {
		return fault.New(fault.Conflict, "range %s meets a network this machine already reaches", p).Try("another --range CIDR")
	}
	return nil
}

func meets(p netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if t.Bits() > 0 && t.Overlaps(p) {
			return true
		}
	}
	return false
}

func takenPrefixes() ([]netip.Prefix, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fault.New(fault.Internal, "list this machine's addresses: %w", err)
	}
	taken := platform.Routes()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			taken = append(taken, p.Masked())
		}
	}
	return taken, nil
}
