package engine

import (
	"net/netip"
	"testing"

	"tailscale.com/net/packet"
	"tailscale.com/types/ipproto"

	"warren/mesh"
)

func TestSpeakers(t *testing.T) {
	here, there := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	at := netip.AddrPortFrom
	g := guard{port: func() uint16 { return 41820 }}
	out := func(proto ipproto.Proto, flags packet.TCPFlag, from, to uint16) bool {
		p := &packet.Parsed{IPVersion: 6, IPProto: proto, TCPFlags: flags, Src: at(here, from), Dst: at(there, to)}
		res, _ := g.out(p, nil, nil)
		return !res.IsDrop()
	}
	connected := g.own.add(speaker{at(here, 50000), at(there, mesh.PeerPort)})
	for _, c := range []struct {
		name     string
		proto    ipproto.Proto
		flags    packet.TCPFlag
		from, to uint16
		want     bool
	}{
		{"a packet", ipproto.UDP, 0, 50001, mesh.GossipPort, false},
		{"a packet from the port that is the node's", ipproto.UDP, 0, mesh.GossipPort, mesh.GossipPort, false},
		{"a packet elsewhere", ipproto.UDP, 0, 50001, 53, true},
		{"the tunnel's own packet", ipproto.UDP, 0, 41820, 53, false},
		{"an own connection", ipproto.TCP, packet.TCPSyn, 50000, mesh.PeerPort, true},
		{"the same to another port", ipproto.TCP, packet.TCPSyn, 50000, mesh.GossipPort, false},
		{"another's connection", ipproto.TCP, packet.TCPSyn, 50001, mesh.PeerPort, false},
		{"what follows on one", ipproto.TCP, packet.TCPAck, 50002, mesh.PeerPort, true},
		{"an answer", ipproto.TCP, packet.TCPSyn | packet.TCPAck, 22, mesh.PeerPort, true},
		{"another's connection elsewhere", ipproto.TCP, packet.TCPSyn, 50001, 22, true},
	} {
		if got := out(c.proto, c.flags, c.from, c.to); got != c.want {
			t.Errorf("%s: leaves is %t, want %t", c.name, got, c.want)
		}
	}
	connected()
	if out(ipproto.TCP, packet.TCPSyn, 50000, mesh.PeerPort) {
		t.Error("a connection that is gone still speaks")
	}
}
