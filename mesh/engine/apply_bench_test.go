package engine

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"warren/mesh/identity"
)

// BenchmarkApplyOneOf5000 is a fleet in which one machine moves at a time.
func BenchmarkApplyOneOf5000(b *testing.B) {
	e, err := New(Options{Loopback: true, WireGuard: random32(), Disco: random32()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	self := identity.NodeID{0xff}
	cfg := Config{
		Self: self, Mesh: testMesh, Filter: allowAll(),
		Addresses: []netip.Prefix{netip.PrefixFrom(testMesh.Address(self), 128)},
	}
	for i := range 5000 {
		var id identity.NodeID
		binary.BigEndian.PutUint32(id[:], uint32(i+1))
		cfg.Peers = append(cfg.Peers, Peer{
			ID: id, WireGuard: random32(), Disco: random32(),
			Addresses: []netip.Addr{testMesh.Address(id)},
			Endpoints: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")},
		})
	}
	if err := e.Apply(cfg); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		cfg.Peers[i%5000].Endpoints = []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(10+i))}
		if err := e.Apply(cfg); err != nil {
			b.Fatal(err)
		}
	}
}
