package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"

	"warren/mesh/identity"
)

// maxPacket is the longest packet taken: the library fills 1,200 bytes and
// adds a checksum.
const maxPacket = 1400

// protocol is the only version of the library's protocol in use, and states
// the only version of what we put into it. A member that claimed others would
// keep everybody from exchanging state with everybody (memberlist v0.7.0,
// state.go, verifyProtocol).
const (
	protocol = 2
	states   = 1
)

// The library's states of a member.
const (
	stateAlive   = 0
	stateSuspect = 1
	stateDead    = 2
	stateLeft    = 3
)

// guard reads everything before the library does, and writes it anew. The
// library trusts whoever reaches it; with the guard, what it sees is well
// formed, speaks of members, and says of a member only what that member
// signed.
type guard struct {
	roster *roster
	mesh   identity.MeshID
	label  string
	port   uint16
	stats  *counters
	// nack answers for a ping we cannot make on another's behalf.
	nack func(to identity.NodeID, seq uint32)
}

// packet checks a packet of source. It returns what is left of it for the
// library, nil where nothing is.
func (g *guard) packet(source identity.NodeID, b []byte) ([]byte, error) {
	if len(b) > maxPacket {
		return nil, fmt.Errorf("packet of %d bytes: %w", len(b), errMalformed)
	}
	b, err := g.unlabel(b)
	if err != nil {
		return nil, err
	}
	if len(b) > 5 && b[0] == kindCRC {
		if crc32.ChecksumIEEE(b[5:]) != binary.BigEndian.Uint32(b[1:5]) {
			return nil, fmt.Errorf("checksum: %w", errMalformed)
		}
		b = b[5:]
	}
	parts, err := split(b)
	if err != nil {
		return nil, err
	}
	kept := make([][]byte, 0, len(parts))
	for _, part := range parts {
		out, err := g.part(source, part)
		switch {
		case errors.Is(err, errMalformed):
			return nil, err
		case err != nil:
			g.stats.refuse(err)
		case out != nil:
			kept = append(kept, out)
		}
	}
	return g.join(kept), nil
}

func (g *guard) labelled() []byte {
	return append([]byte{kindLabel, byte(len(g.label))}, g.label...)
}

func (g *guard) unlabel(b []byte) ([]byte, error) {
	n := 2 + len(g.label)
	if len(b) <= n || b[0] != kindLabel || int(b[1]) != len(g.label) || string(b[2:n]) != g.label {
		return nil, fmt.Errorf("label of another pool: %w", errMalformed)
	}
	return b[n:], nil
}

// split takes a compound message apart. There are none inside each other.
func split(b []byte) ([][]byte, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("empty: %w", errMalformed)
	}
	if b[0] != kindCompound {
		return [][]byte{b}, nil
	}
	if len(b) < 2 {
		return nil, fmt.Errorf("compound without a length: %w", errMalformed)
	}
	n, at := int(b[1]), b[2:]
	if len(at) < 2*n {
		return nil, fmt.Errorf("compound of %d parts in %d bytes: %w", n, len(b), errMalformed)
	}
	sizes, at := at[:2*n], at[2*n:]
	parts := make([][]byte, 0, n)
	for i := range n {
		size := int(binary.BigEndian.Uint16(sizes[2*i:]))
		if size == 0 || size > len(at) {
			return nil, fmt.Errorf("part of %d bytes: %w", size, errMalformed)
		}
		parts = append(parts, at[:size])
		at = at[size:]
	}
	return parts, nil
}

// join makes the packet the library sees.
func (g *guard) join(parts [][]byte) []byte {
	if len(parts) == 0 {
		return nil
	}
	out := g.labelled()
	if len(parts) == 1 {
		return append(out, parts[0]...)
	}
	out = append(out, kindCompound, byte(len(parts))) //nolint:gosec // as many as came, in one byte too
	for _, p := range parts {
		out = binary.BigEndian.AppendUint16(out, uint16(len(p))) //nolint:gosec // shorter than maxPacket and a few fields
	}
	return append(out, bytes.Join(parts, nil)...)
}

// part checks one message of a packet.
func (g *guard) part(source identity.NodeID, b []byte) ([]byte, error) {
	kind := b[0]
	if kind == kindUser {
		// The library hands this to us; say on the way who sent it.
		return append(append([]byte{kindUser}, source[:]...), b[1:]...), nil
	}
	r := bytes.NewReader(b[1:])
	m, err := readMessage(r)
	if err != nil {
		return nil, errors.Join(errMalformed, err)
	}
	if r.Len() > 0 {
		return nil, fmt.Errorf("%d bytes too many: %w", r.Len(), errMalformed)
	}
	var p packer
	switch kind {
	case kindPing:
		return g.ping(source, m)
	case kindIndirectPing:
		return g.indirectPing(source, m)
	case kindAck:
		p.begin(kindAck, 2)
		p.number("SeqNo", uint64(m.seq))
		p.text("Payload", nil)
	case kindNack:
		p.begin(kindNack, 1)
		p.number("SeqNo", uint64(m.seq))
	case kindAlive:
		return g.alive(source, m)
	case kindSuspect, kindDead:
		return g.accusation(source, kind, m)
	default:
		return nil, fmt.Errorf("message of type %d: %w", kind, errMalformed)
	}
	return p, nil
}

// ping lets a peer ask whether we are here: for itself only, as the answer
// goes to the name inside.
func (g *guard) ping(source identity.NodeID, m message) ([]byte, error) {
	if m.node != g.roster.self.String() || m.sourceNode != source.String() {
		return nil, errForged
	}
	var p packer
	p.begin(kindPing, 5)
	p.number("SeqNo", uint64(m.seq))
	p.text("Node", []byte(m.node))
	p.text("SourceAddr", g.address(source))
	p.number("SourcePort", uint64(g.port))
	p.text("SourceNode", []byte(m.sourceNode))
	return p, nil
}

func (g *guard) indirectPing(source identity.NodeID, m message) ([]byte, error) {
	if m.sourceNode != source.String() {
		return nil, errForged
	}
	target, err := parseNode(m.node)
	if err != nil || target == g.roster.self || target == source {
		return nil, errForged
	}
	if !g.roster.isPeer(target) {
		// Not everybody may meet everybody. Without the answer, the one who
		// asks takes itself to be ill.
		if m.nack {
			g.nack(source, m.seq)
		}
		return nil, nil
	}
	var p packer
	p.begin(kindIndirectPing, 8)
	p.number("SeqNo", uint64(m.seq))
	p.text("Target", g.address(target))
	p.number("Port", uint64(g.port))
	p.text("Node", []byte(m.node))
	p.flag("Nack", m.nack)
	p.text("SourceAddr", g.address(source))
	p.number("SourcePort", uint64(g.port))
	p.text("SourceNode", []byte(m.sourceNode))
	return p, nil
}

func (g *guard) alive(source identity.NodeID, m message) ([]byte, error) {
	id, err := parseNode(m.node)
	if err != nil {
		return nil, err
	}
	if !goodVersions(m.versions) {
		return nil, fmt.Errorf("protocol versions %v: %w", m.versions, errForged)
	}
	if err := g.roster.vouch(source, id, m.meta, m.incarnation); err != nil {
		return nil, err
	}
	var p packer
	p.begin(kindAlive, 6)
	p.number("Incarnation", uint64(m.incarnation))
	p.text("Node", []byte(m.node))
	p.text("Addr", g.address(id))
	p.number("Port", uint64(g.port))
	p.text("Meta", m.meta)
	p.text("Vsn", m.versions)
	return p, nil
}

func (g *guard) accusation(source identity.NodeID, kind byte, m message) ([]byte, error) {
	id, err := parseNode(m.node)
	if err != nil {
		return nil, err
	}
	from, err := parseNode(m.from)
	if err != nil {
		return nil, err
	}
	if err := g.roster.accuse(id, from, m.incarnation, nil); err != nil {
		return nil, err
	}
	if kind == kindDead && !g.roster.buried(source, id, m.incarnation) {
		kind = kindSuspect
	}
	return packAccusation(kind, m.incarnation, id, from), nil
}

func packAccusation(kind byte, incarnation uint32, id, from identity.NodeID) []byte {
	var p packer
	p.begin(kind, 3)
	p.number("Incarnation", uint64(incarnation))
	p.text("Node", []byte(id.String()))
	p.text("From", []byte(from.String()))
	return p
}

// sent reads a packet of our own for the number of the ping in it.
func (g *guard) sent(b []byte) (seq uint32, ping bool) {
	b, err := g.unlabel(b)
	if err != nil {
		return 0, false
	}
	if len(b) > 5 && b[0] == kindCRC {
		b = b[5:]
	}
	parts, err := split(b)
	if err != nil || parts[0][0] != kindPing {
		return 0, false
	}
	m, err := readMessage(bytes.NewReader(parts[0][1:]))
	return m.seq, err == nil
}

func (g *guard) address(id identity.NodeID) []byte { return g.mesh.Address(id).AsSlice() }

func (g *guard) addrPort(id identity.NodeID) netip.AddrPort {
	return netip.AddrPortFrom(g.mesh.Address(id), g.port)
}

// parseNode reads a member's name in the one form it has.
func parseNode(s string) (identity.NodeID, error) {
	id, err := identity.ParseNodeID(s)
	if err != nil || id.String() != s || id.IsZero() {
		return identity.NodeID{}, fmt.Errorf("name %.40q: %w", s, errMalformed)
	}
	return id, nil
}

func goodVersions(v []byte) bool {
	return len(v) == 6 && v[0] >= 1 && v[0] <= protocol && v[1] >= protocol && v[2] == protocol &&
		v[3] <= states && v[4] >= states && v[5] == states
}
