package engine

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"tailscale.com/net/netmon"
	"tailscale.com/tailcfg"
	"tailscale.com/types/views"
	"tailscale.com/wgengine"
)

// endpoints are this machine's own underlay addresses.
type endpoints struct {
	e *Engine

	mu      sync.Mutex // guards the following
	now     []netip.AddrPort
	seen    []netip.AddrPort // where others see us, as rendezvous tell by STUN
	changed chan struct{}    // closed when now is replaced, or the home
}

// Endpoints are the underlay addresses others may try, for publishing, and a
// channel that closes when they or Home change. The slice is the caller's.
func (e *Engine) Endpoints() ([]netip.AddrPort, <-chan struct{}) {
	e.ends.mu.Lock()
	defer e.ends.mu.Unlock()
	return slices.Clone(e.ends.now), e.ends.changed
}

// Refresh looks at this machine's addresses anew.
func (e *Engine) Refresh() { e.ends.refresh() }

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

// onStatus is told by the library whenever STUN found something else.
func (s *endpoints) onStatus(st *wgengine.Status, err error) {
	if err != nil || s.e.opts.Loopback {
		return
	}
	var seen []netip.AddrPort
	for _, ep := range st.LocalAddrs {
		stun := ep.Type == tailcfg.EndpointSTUN || ep.Type == tailcfg.EndpointSTUN4LocalPort
		if stun && !ep.Addr.Addr().IsLoopback() {
			seen = append(seen, ep.Addr)
		}
	}
	s.mu.Lock()
	same := slices.Equal(seen, s.seen)
	s.seen = seen
	s.mu.Unlock()
	if !same {
		s.refresh()
	}
}

func (s *endpoints) refresh() {
	local := s.find()
	// The library tells them to peers, over a rendezvous, beside what STUN says.
	s.e.sock.SetStaticEndpoints(views.SliceOf(local))
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.e.view.Load()
	all := slices.DeleteFunc(append(local, s.seen...), func(ep netip.AddrPort) bool { return v.isOverlay(ep.Addr()) })
	slices.SortFunc(all, netip.AddrPort.Compare)
	if all = slices.Compact(all); !slices.Equal(all, s.now) {
		s.now = all
		s.wakeLocked()
	}
}

func (s *endpoints) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeLocked()
}

func (s *endpoints) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// find lists what is known without asking anybody.
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
	var out []netip.AddrPort
	if e.opts.ExtraEndpoints != nil {
		out = slices.Clone(e.opts.ExtraEndpoints())
	}
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
