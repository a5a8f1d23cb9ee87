package lan

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sync/errgroup"
)

// Where calls go: an administratively scoped group of IPv4 (RFC 2365, section
// 6.1: local scope) and a transient link-local one of IPv6 (RFC 4291, section
// 2.7), both spelling warren as far as there is room.
const (
	Group4 = "239.255.119.97"
	Group6 = "ff12::7761:7272:656e"
	Port   = 41824
)

// writeTime bounds a write to a socket whose buffer is full.
const writeTime = time.Second

// groups is the air of a real machine.
type groups struct {
	ours func(netip.Addr) bool
	log  *slog.Logger
	list []*group

	mu     sync.Mutex
	onlink []netip.Prefix // of the interfaces that are joined
}

// group is one of the two, and its socket.
type group struct {
	conn    *net.UDPConn
	addr    netip.AddrPort
	options interface {
		JoinGroup(*net.Interface, net.Addr) error
		LeaveGroup(*net.Interface, net.Addr) error
		SetMulticastInterface(*net.Interface) error
	}
	joined []net.Interface
}

// openGroups opens what this machine has. Listening on a group's address makes
// package net share the port, so that several nodes on a machine hear.
func openGroups(ours func(netip.Addr) bool, log *slog.Logger) *groups {
	g := &groups{ours: ours, log: log}
	for _, open := range []func() (*group, error){openGroup4, openGroup6} {
		one, err := open()
		if err != nil {
			log.Warn("multicast is not to be had", "err", err)
			continue
		}
		g.list = append(g.list, one)
	}
	return g
}

func openGroup4() (*group, error) {
	one, err := listen("udp4", Group4)
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(one.conn)
	one.options = p
	return one, one.check(p.SetMulticastTTL(1), p.SetMulticastLoopback(true))
}

func openGroup6() (*group, error) {
	one, err := listen("udp6", Group6)
	if err != nil {
		return nil, err
	}
	p := ipv6.NewPacketConn(one.conn)
	one.options = p
	return one, one.check(p.SetMulticastHopLimit(1), p.SetMulticastLoopback(true))
}

func listen(network, address string) (*group, error) {
	at := netip.AddrPortFrom(netip.MustParseAddr(address), Port)
	var lc net.ListenConfig
	c, err := lc.ListenPacket(context.Background(), network, at.String())
	if err != nil {
		return nil, err
	}
	conn, ok := c.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(errors.ErrUnsupported, c.Close())
	}
	return &group{conn: conn, addr: at}, nil
}

func (o *group) check(errs ...error) error {
	err := errors.Join(errs...)
	if err != nil {
		err = errors.Join(err, o.conn.Close())
	}
	return err
}

// look implements air.
func (g *groups) look() bool {
	all, err := net.Interfaces()
	if err != nil {
		g.log.Warn("listed no interfaces", "err", err)
		return false
	}
	var usable []net.Interface
	var onlink []netip.Prefix
	for _, ifi := range all {
		if prefixes := g.prefixes(ifi); len(prefixes) > 0 {
			usable = append(usable, ifi)
			onlink = append(onlink, prefixes...)
		}
	}
	g.mu.Lock()
	g.onlink = onlink
	g.mu.Unlock()
	came := false
	for _, one := range g.list {
		came = one.join(usable, g.log) || came
	}
	return came
}

// prefixes are an interface's own, if it is one to call on: not the overlay's,
// nor a point-to-point one, behind which is no LAN.
func (g *groups) prefixes(ifi net.Interface) []netip.Prefix {
	const wanted, unwanted = net.FlagUp | net.FlagMulticast, net.FlagLoopback | net.FlagPointToPoint
	if ifi.Flags&wanted != wanted || ifi.Flags&unwanted != 0 {
		return nil
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	var out []netip.Prefix
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if g.ours(p.Addr()) {
			return nil
		}
		out = append(out, p.Masked())
	}
	return out
}

// join makes usable the interfaces on which the group is heard.
func (o *group) join(usable []net.Interface, log *slog.Logger) bool {
	o.joined = slices.DeleteFunc(o.joined, func(old net.Interface) bool {
		gone := !slices.ContainsFunc(usable, func(now net.Interface) bool { return same(old, now) })
		if gone {
			// Fails where the interface itself is gone, and the kernel has left.
			_ = o.options.LeaveGroup(&old, o.udp())
		}
		return gone
	})
	came := false
	for _, ifi := range usable {
		if slices.ContainsFunc(o.joined, func(old net.Interface) bool { return same(old, ifi) }) {
			continue
		}
		if err := o.options.JoinGroup(&ifi, o.udp()); err != nil {
			log.Debug("did not join", "group", o.addr, "interface", ifi.Name, "err", err)
			continue
		}
		o.joined = append(o.joined, ifi)
		came = true
	}
	return came
}

func same(a, b net.Interface) bool { return a.Index == b.Index && a.Name == b.Name }

func (o *group) udp() *net.UDPAddr { return net.UDPAddrFromAddrPort(o.addr) }

// send implements air.
func (g *groups) send(datagram []byte) {
	for _, one := range g.list {
		for _, ifi := range one.joined {
			err := one.options.SetMulticastInterface(&ifi)
			if err == nil {
				_ = one.conn.SetWriteDeadline(time.Now().Add(writeTime))
				_, err = one.conn.WriteToUDPAddrPort(datagram, one.addr)
			}
			if err != nil {
				g.log.Debug("did not call", "group", one.addr, "interface", ifi.Name, "err", err)
			}
		}
	}
}

// receive implements air.
func (g *groups) receive(ctx context.Context, got func(netip.Addr, []byte)) error {
	var all errgroup.Group
	for _, one := range g.list {
		all.Go(func() error {
			defer one.conn.Close()
			defer context.AfterFunc(ctx, func() { _ = one.conn.SetReadDeadline(time.Now()) })()
			buf := make([]byte, 64<<10) // what is cut off is an error on some systems
			for {
				n, from, err := one.conn.ReadFromUDPAddrPort(buf)
				switch {
				case ctx.Err() != nil:
					return nil
				case err != nil:
					// A datagram the system could not deliver; the socket stays.
					g.log.Debug("read nothing", "group", one.addr, "err", err)
					if !rest(ctx) {
						return nil
					}
				case n <= MaxDatagram && g.near(from.Addr()):
					got(from.Addr().Unmap().WithZone(""), buf[:n])
				}
			}
		})
	}
	return all.Wait()
}

// rest keeps a socket that fails for good from burning the processor.
func rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(100 * time.Millisecond):
		return true
	}
}

// near reports whether a source is in a network this machine is in. What is
// sent to the port from elsewhere is nobody's call.
func (g *groups) near(a netip.Addr) bool {
	a = a.Unmap()
	if a.IsLinkLocalUnicast() {
		return true
	}
	a = a.WithZone("")
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.onlink, func(p netip.Prefix) bool { return p.Contains(a) })
}
