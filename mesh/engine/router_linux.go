package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/jsimonetti/rtnetlink"
	"golang.org/x/sys/unix"
	"tailscale.com/wgengine/router"
)

const (
	// routeMetric lets any route that the system has for the same prefix
	// win: a branch's 192.168.1.0/24 must not take away the LAN one sits in.
	routeMetric = 4180
	// routeProtocol marks our routes in "ip route" (proto 141). Numbers from
	// 4 to 254 are free for routing programs (rtnetlink(7)).
	routeProtocol = 141
)

// linkRouter gives the TUN device its addresses and routes by netlink. It
// knows only prefixes of the overlay and behind gateways, which go into the
// main table. It never touches a default route, rules, marks, the firewall
// or name resolution, and so cannot collide with an installed Tailscale or
// WireGuard.
type linkRouter struct {
	name  string
	index uint32
	nl    *rtnetlink.Conn

	addrs, routes map[netip.Prefix]bool // what we have set
}

func newLinkRouter(device string) (*linkRouter, error) {
	ifc, err := net.InterfaceByName(device)
	if err != nil {
		return nil, fmt.Errorf("find device %s: %w", device, err)
	}
	nl, err := rtnetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &linkRouter{
		name: device, index: uint32(ifc.Index), nl: nl,
		addrs: make(map[netip.Prefix]bool), routes: make(map[netip.Prefix]bool),
	}, nil
}

// Up raises the device; CreateTUN has set its MTU.
func (r *linkRouter) Up() error {
	err := r.nl.Link.Set(&rtnetlink.LinkMessage{Index: r.index, Flags: unix.IFF_UP, Change: unix.IFF_UP})
	if err != nil {
		return fmt.Errorf("raise device %s: %w", r.name, err)
	}
	return nil
}

// Set makes the device have just these addresses and routes; nil is none.
// What fails is reported, and tried again on the next call.
func (r *linkRouter) Set(cfg *router.Config) error {
	if cfg == nil {
		cfg = &router.Config{}
	}
	// Routes need the addresses to go by, and are the first to go.
	return errors.Join(
		r.drop("route", r.routes, cfg.Routes, r.delRoute),
		r.drop("address", r.addrs, cfg.LocalAddrs, r.delAddr),
		r.add("address", r.addrs, cfg.LocalAddrs, r.addAddr),
		r.add("route", r.routes, cfg.Routes, r.addRoute),
	)
}

// Close takes all back; the device itself goes when the tunnel closes it.
func (r *linkRouter) Close() error {
	return errors.Join(r.Set(nil), r.nl.Close())
}

func (r *linkRouter) add(what string, have map[netip.Prefix]bool, want []netip.Prefix, do func(netip.Prefix) error) error {
	var errs []error
	for _, p := range want {
		if have[p] {
			continue
		}
		if err := do(p); err != nil && !errors.Is(err, unix.EEXIST) {
			errs = append(errs, fmt.Errorf("add %s %s to %s: %w", what, p, r.name, err))
			continue
		}
		have[p] = true
	}
	return errors.Join(errs...)
}

func (r *linkRouter) drop(what string, have map[netip.Prefix]bool, want []netip.Prefix, do func(netip.Prefix) error) error {
	keep := make(map[netip.Prefix]bool, len(want))
	for _, p := range want {
		keep[p] = true
	}
	var errs []error
	for p := range have {
		if keep[p] {
			continue
		}
		err := do(p)
		gone := errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV)
		if err != nil && !gone {
			errs = append(errs, fmt.Errorf("remove %s %s from %s: %w", what, p, r.name, err))
		}
		delete(have, p)
	}
	return errors.Join(errs...)
}

func (r *linkRouter) addAddr(p netip.Prefix) error { return r.nl.Address.New(r.address(p)) }
func (r *linkRouter) delAddr(p netip.Prefix) error { return r.nl.Address.Delete(r.address(p)) }
func (r *linkRouter) addRoute(p netip.Prefix) error {
	if p.Bits() == 0 {
		return errors.New("a default route is never set")
	}
	return r.nl.Route.Add(r.route(p))
}
func (r *linkRouter) delRoute(p netip.Prefix) error { return r.nl.Route.Delete(r.route(p)) }

func (r *linkRouter) address(p netip.Prefix) *rtnetlink.AddressMessage {
	m := &rtnetlink.AddressMessage{
		Family:       familyOf(p.Addr()),
		PrefixLength: uint8(p.Bits()),
		Index:        r.index,
		Attributes:   &rtnetlink.AddressAttributes{Address: p.Addr().AsSlice()},
	}
	if p.Addr().Is4() {
		m.Attributes.Local = p.Addr().AsSlice()
	} else {
		// Nobody else can have it, and until the kernel has made sure of
		// that nothing can listen on it.
		m.Attributes.Flags = unix.IFA_F_NODAD
	}
	return m
}

func (r *linkRouter) route(p netip.Prefix) *rtnetlink.RouteMessage {
	m := &rtnetlink.RouteMessage{
		Family:    familyOf(p.Addr()),
		DstLength: uint8(p.Bits()),
		Table:     unix.RT_TABLE_MAIN,
		Protocol:  routeProtocol,
		Type:      unix.RTN_UNICAST,
		Attributes: rtnetlink.RouteAttributes{
			Dst: p.Masked().Addr().AsSlice(), OutIface: r.index, Priority: routeMetric,
		},
	}
	if p.Addr().Is4() {
		m.Scope = unix.RT_SCOPE_LINK
	}
	return m
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
