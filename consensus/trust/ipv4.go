package trust

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	"warren/mesh/identity"
)

// IPv4Range is where the mesh's IPv4 addresses come from.
func (l *Log) IPv4Range() netip.Prefix { return l.ipv4 }

// FreeIPv4 proposes an address for a machine: its NodeID hashed into the
// range, and the next free one from there. The same machine gets the same
// address as long as nobody takes it. It fails with ErrFull.
func (l *Log) FreeIPv4(id identity.NodeID) (netip.Addr, error) {
	h := sha256.New()
	h.Write([]byte("warren/ipv4/v1"))
	h.Write(id[:])
	start := binary.BigEndian.Uint64(h.Sum(nil))
	// The first address names the net and the last one is its broadcast.
	usable := uint64(1)<<(32-l.ipv4.Bits()) - 2
	base := l.ipv4.Addr().As4()
	first := binary.BigEndian.Uint32(base[:]) + 1
	for i := range usable {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], first+uint32((start%usable+i)%usable))
		if !l.addressTaken(a) {
			return netip.AddrFrom4(a), nil
		}
	}
	return netip.Addr{}, ErrFull
}

// hostAddress reports whether a machine may have an address.
func (l *Log) hostAddress(a netip.Addr) bool {
	if !l.ipv4.Contains(a) || a == l.ipv4.Addr() {
		return false
	}
	b := a.As4()
	ones := uint32(1)<<(32-l.ipv4.Bits()) - 1
	return binary.BigEndian.Uint32(b[:])&ones != ones
}

func (l *Log) addressTaken(a [4]byte) bool {
	holder, ok := l.addresses.get(a[:])
	return ok && !l.folded.has(kindNode, holder[:])
}
