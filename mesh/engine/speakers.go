package engine

import (
	"net/netip"
	"sync"

	"tailscale.com/net/packet"
	"tailscale.com/types/ipproto"
)

// speakers are the TCP connections that the node is making, in ModeKernel:
// they alone may reach peers' own ports. The other programs of the machine have
// its overlay address too, and who may bind which port differs from system to
// system. No datagram of the node's comes by the system: see datagrams.
type speakers struct {
	open sync.Map // of speaker
}

// speaker is a TCP connection that is being made.
type speaker struct{ from, to netip.AddrPort }

// add lets a socket speak until done is called.
func (s *speakers) add(who speaker) (done func()) {
	s.open.Store(who, nil)
	return func() { s.open.Delete(who) }
}

// may judges a packet that leaves for one of the mesh's own ports. Of TCP it
// looks at what begins a connection: nothing else makes one.
func (s *speakers) may(p *packet.Parsed) bool {
	if p.IPProto == ipproto.UDP {
		return false
	}
	if !p.IsTCPSyn() {
		return true
	}
	_, ok := s.open.Load(speaker{p.Src, p.Dst})
	return ok
}
