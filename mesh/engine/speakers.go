package engine

import (
	"net/netip"
	"sync"

	"tailscale.com/net/packet"
	"tailscale.com/types/ipproto"
)

// speakers are the node's own sockets, in ModeKernel: they alone may speak to
// peers' own ports. The other programs of the machine have its overlay address
// too, and who may bind which port differs from system to system.
type speakers struct {
	open sync.Map // of speaker
}

// speaker is a UDP socket, at any address, or a TCP connection that is being
// made.
type speaker struct {
	proto    ipproto.Proto
	from, to netip.AddrPort
}

// add lets a socket speak until done is called.
func (s *speakers) add(who speaker) (done func()) {
	s.open.Store(who, nil)
	return func() { s.open.Delete(who) }
}

// may judges a packet that leaves for one of the mesh's own ports. Of TCP it
// looks at what begins a connection: nothing else makes one.
func (s *speakers) may(p *packet.Parsed) bool {
	who := speaker{p.IPProto, p.Src, p.Dst}
	switch {
	case p.IPProto == ipproto.UDP:
		who.to = netip.AddrPort{}
	case !p.IsTCPSyn():
		return true
	}
	_, ok := s.open.Load(who)
	return ok
}
