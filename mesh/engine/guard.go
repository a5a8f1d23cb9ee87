package engine

import (
	"encoding/binary"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tailscale.com/net/packet"
	"tailscale.com/net/tstun"
	"tailscale.com/types/ipproto"
	"tailscale.com/wgengine/filter"
	"tailscale.com/wgengine/netstack/gro"

	"warren/mesh"
)

// guard stands between the packet rules and whoever receives the packets:
//
//	tunnel -> rules -> guard.in -> datagrams, else intake (userspace) or device (kernel)
//	tunnel <- rules <- guard.out <---------------------------------------- device (kernel)
//
// It does what the library's rules do not: cut connections whose rule is
// gone, keep the tunnel's own datagrams out of the tunnel, and keep the other
// programs of this machine from speaking to the mesh's own ports in its name.
type guard struct {
	flows     flows
	own       speakers
	datagrams datagrams
	port      func() uint16
	// kernel is ModeKernel: the system's own stack sends and receives.
	kernel bool
}

func (s *guard) install(dev *tstun.Wrapper) {
	dev.PostFilterPacketInboundFromWireGuard = s.in
	if s.kernel {
		dev.PreFilterPacketOutboundToWireGuardNetstackIntercept = s.out
	}
}

// in runs on the receiving goroutine of the peer.
func (s *guard) in(p *packet.Parsed, dev *tstun.Wrapper, g *gro.GRO) (filter.Response, *gro.GRO) {
	switch p.IPProto {
	case ipproto.TCP:
		f := flow{p.Src, p.Dst}
		if p.IsTCPSyn() {
			s.flows.began(f)
		} else if s.flows.isCut(f) {
			s.refuse(p, dev)
			return filter.DropSilently, g
		}
	case ipproto.UDP:
		// With the system's stack, our own socket listens here as well.
		if s.kernel && p.Dst.Port() == s.port() {
			return filter.DropSilently, g
		}
		if s.datagrams.take(p) {
			return filter.DropSilently, g // it has arrived
		}
	default:
	}
	return filter.Accept, g
}

// out sees what the system sends into the device. An endpoint that some route
// leads back into the tunnel gets no answer, and so is never chosen. A peer
// takes this machine's address for its node's word: others do not get there.
func (s *guard) out(p *packet.Parsed, _ *tstun.Wrapper, g *gro.GRO) (filter.Response, *gro.GRO) {
	if p.IPProto == ipproto.UDP && p.Src.Port() == s.port() {
		return filter.DropSilently, g
	}
	if mesh.OwnPort(p.Dst.Port()) && !s.own.may(p) {
		return filter.DropSilently, g
	}
	return filter.Accept, g
}

// refuse ends a cut connection at both ends: to each it says what the other
// would say if it knew of no such connection (RFC 9293, section 3.5.2).
func (s *guard) refuse(p *packet.Parsed, dev *tstun.Wrapper) {
	segment := p.Transport()
	if len(segment) < header.TCPMinimumSize || p.TCPFlags&packet.TCPRst != 0 {
		return
	}
	seq, ack := binary.BigEndian.Uint32(segment[4:]), binary.BigEndian.Uint32(segment[8:])
	_ = dev.InjectInboundCopy(reset(p.Src, p.Dst, seq)) // fails only while closing
	_ = dev.InjectOutbound(reset(p.Dst, p.Src, ack))    // likewise
}

// reset makes an IP packet with a TCP segment of flag RST alone.
func reset(from, to netip.AddrPort, seq uint32) []byte {
	src, dst := tcpip.AddrFromSlice(from.Addr().AsSlice()), tcpip.AddrFromSlice(to.Addr().AsSlice())
	ipLen := header.IPv6MinimumSize
	if to.Addr().Is4() {
		ipLen = header.IPv4MinimumSize
	}
	b := make([]byte, ipLen+header.TCPMinimumSize)
	if to.Addr().Is4() {
		ip := header.IPv4(b)
		ip.Encode(&header.IPv4Fields{
			TotalLength: uint16(len(b)), TTL: 64,
			Protocol: uint8(header.TCPProtocolNumber), SrcAddr: src, DstAddr: dst,
		})
		ip.SetChecksum(^ip.CalculateChecksum())
	} else {
		header.IPv6(b).Encode(&header.IPv6Fields{
			PayloadLength: header.TCPMinimumSize, HopLimit: 64,
			TransportProtocol: header.TCPProtocolNumber, SrcAddr: src, DstAddr: dst,
		})
	}
	t := header.TCP(b[ipLen:])
	t.Encode(&header.TCPFields{
		SrcPort: from.Port(), DstPort: to.Port(), SeqNum: seq,
		DataOffset: header.TCPMinimumSize, Flags: header.TCPFlagRst,
	})
	sum := header.PseudoHeaderChecksum(header.TCPProtocolNumber, src, dst, header.TCPMinimumSize)
	t.SetChecksum(^checksum.Checksum(t, sum))
	return b
}
