package engine

import (
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"

	"warren/mesh/filter"
)

// maxFlows bounds what is remembered. The oldest is forgotten first: such a
// connection is not cut when the rules change, and not harmed either.
const maxFlows = 4096

// flow is a TCP connection that a peer opened to us.
type flow struct{ from, to netip.AddrPort }

// flows remembers the TCP connections that the rules let in, because the
// library compares only the first packet of a connection with the rules. When
// the rules change, those that would no longer be let in are cut.
type flows struct {
	mu   sync.Mutex // guards the following
	open map[flow]struct{}
	ring []flow // the same, in order of arrival, from next on
	next int

	// cut is replaced, never changed; it is nil when nothing is cut, which
	// is all that a packet pays for as a rule.
	cut atomic.Pointer[map[flow]struct{}]
}

// began notes a connection that the rules have just let in.
func (s *flows) began(f flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isCut(f) {
		cut := maps.Clone(*s.cut.Load())
		delete(cut, f)
		s.setCut(cut)
	}
	if _, ok := s.open[f]; ok {
		return
	}
	if s.open == nil {
		s.open = make(map[flow]struct{})
	}
	s.open[f] = struct{}{}
	if len(s.ring) < maxFlows {
		s.ring = append(s.ring, f)
		return
	}
	delete(s.open, s.ring[s.next])
	s.ring[s.next] = f
	s.next = (s.next + 1) % maxFlows
}

// review compares every remembered connection with new rules.
func (s *flows) review(rules *filter.Rules) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cut := make(map[flow]struct{})
	for f := range s.open {
		if !rules.Allows(f.from.Addr(), f.to.Addr(), filter.TCP, f.to.Port()) {
			cut[f] = struct{}{}
		}
	}
	s.setCut(cut)
}

func (s *flows) setCut(cut map[flow]struct{}) {
	if len(cut) == 0 {
		s.cut.Store(nil)
		return
	}
	s.cut.Store(&cut)
}

// isCut runs for every TCP packet that comes in.
func (s *flows) isCut(f flow) bool {
	cut := s.cut.Load()
	if cut == nil {
		return false
	}
	_, ok := (*cut)[f]
	return ok
}
