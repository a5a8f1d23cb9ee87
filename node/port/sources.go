package port

import (
	"net"
	"net/netip"
	"sync"
)

// sources count what each address holds open.
type sources struct {
	mu   sync.Mutex
	held map[netip.Addr]holding
}

type holding struct{ handshakes, conns int }

// wide6 is how much of an IPv6 address counts: behind it whoever has one
// address has all.
const wide6 = 64

// source is the address a connection comes from, or its network in IPv6.
func source(c net.Conn) netip.Addr {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	addr := a.Addr().Unmap()
	if addr.Is6() {
		p, _ := addr.Prefix(wide6) // of an address there always is one
		return p.Addr()
	}
	return addr
}

// enter counts a connection whose handshake begins, or refuses it.
func (s *sources) enter(from netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[from]
	if h.handshakes >= MaxHandshakesPerSource || h.conns >= MaxConnsPerSource {
		return false
	}
	if s.held == nil {
		s.held = map[netip.Addr]holding{}
	}
	s.held[from] = holding{h.handshakes + 1, h.conns + 1}
	return true
}

// greeted tells that a handshake has ended, one way or the other.
func (s *sources) greeted(from netip.Addr) { s.less(from, 1, 0) }

// left tells that a connection has closed.
func (s *sources) left(from netip.Addr) { s.less(from, 0, 1) }

func (s *sources) less(from netip.Addr, handshakes, conns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[from]
	h.handshakes -= handshakes
	h.conns -= conns
	if h == (holding{}) {
		delete(s.held, from)
		return
	}
	s.held[from] = h
}
