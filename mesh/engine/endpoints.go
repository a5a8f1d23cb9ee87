package engine

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"tailscale.com/net/netmon"
)

// endpoints are this machine's own underlay addresses.
type endpoints struct {
	e *Engine

	mu      sync.Mutex // guards the following
	now     []netip.AddrPort
	changed chan struct{} // closed when now is replaced
}

// Endpoints are the underlay addresses others may try, for publishing, and a
// channel that closes when they change. The slice is the caller's.
func (e *Engine) Endpoints() ([]netip.AddrPort, <-chan struct{}) {
	e.ends.mu.Lock()
	defer e.ends.mu.Unlock()
	return slices.Clone(e.ends.now), e.ends.changed
}

func (s *endpoints) init(e *Engine) {
	s.e = e
	s.changed = make(chan struct{})
	s.refresh()
}

// watch follows changes of the network. The monitor forgets the callback when
// it closes.
func (s *endpoints) watch() {
	if !s.e.opts.Loopback {
		s.e.monitor.RegisterChangeCallback(func(*netmon.ChangeDelta) { s.refresh() })
	}
}

func (s *endpoints) refresh() {
	found := s.find()
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Equal(found, s.now) {
		return
	}
	s.now = found
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *endpoints) find() []netip.AddrPort {
	e := s.e
	port := e.sock.LocalPort()
	if e.opts.Loopback {
		return loopbackEndpoints(port)
	}
	addrs, _, err := netmon.LocalAddresses()
	if err != nil {
		e.opts.Log.Warn("listed no local addresses", "err", err)
	}
	out := slices.Clone(e.opts.ExtraEndpoints)
	for _, a := range addrs {
		out = append(out, netip.AddrPortFrom(a, port))
	}
	v := e.view.Load()
	out = slices.DeleteFunc(out, func(ep netip.AddrPort) bool { return v.isOverlay(ep.Addr()) })
	out = dropNarrow(out, e.opts.MTU)
	if len(out) == 0 {
		// Cut off, but several nodes on this machine may still meet.
		return loopbackEndpoints(port)
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return slices.Compact(out)
}

func loopbackEndpoints(port uint16) []netip.AddrPort {
	out := []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}
	if loopback6Works() {
		out = append(out, netip.AddrPortFrom(netip.IPv6Loopback(), port))
	}
	return out
}

// loopback6Works tries, as a system may be without IPv6 or without ::1.
func loopback6Works() bool {
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		return false
	}
	c.Close()
	return true
}
