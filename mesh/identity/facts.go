package identity

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	warrenv1 "warren/api/warren/v1"
)

// Bounds of an endpoint statement.
const (
	MaxEndpoints = 16
	MaxPublic    = 4
	// Ports of a rendezvous.
	MaxTLS  = 4
	MaxSTUN = 2
)

// Keys are the WireGuard and disco public keys a node vouches for, and whose
// private halves it has shown to hold.
type Keys struct {
	Node      NodeID
	NodeKey   ed25519.PublicKey
	WireGuard [32]byte
	Disco     [32]byte
	Counter   uint64
}

// Endpoints are the underlay addresses a node vouches for.
type Endpoints struct {
	Node      NodeID
	NodeKey   ed25519.PublicKey
	Addresses []netip.AddrPort
	// Public are "HOST:PORT" by which machines anywhere reach the node.
	Public []string
	// Rendezvous is what the node does for others; nil is nothing.
	Rendezvous *Rendezvous
	// Home is the rendezvous where the node waits for messages; zero is none.
	Home    NodeID
	Counter uint64
	Time    time.Time
}

// Rendezvous are the ports by which others use a node as one, at the hosts of
// its public addresses, or at 127.0.0.1 where it has none.
type Rendezvous struct {
	// Certificate is the SHA-256 of its TLS certificate.
	Certificate [32]byte
	// TLS are TCP ports beside those of the public addresses.
	TLS []uint16
	// STUN are the UDP ports that answer STUN.
	STUN []uint16
	// Relay is the UDP port that relays packets; 0 is none.
	Relay uint16
}

// SignKeys makes the key statement of node in mesh, with the proofs that it
// holds both X25519 keys.
func SignKeys(node NodeKey, mesh MeshID, wireguard, disco *ecdh.PrivateKey, counter uint64, now time.Time) (*warrenv1.Statement, error) {
	m := &warrenv1.Keys{
		Mesh: mesh[:], Node: node.Public(), Wireguard: wireguard.PublicKey().Bytes(), Disco: disco.PublicKey().Bytes(),
		Counter: counter, Time: now.UnixMilli(),
	}
	var err error
	if m.WireguardProof, err = signX(wireguard, possession(m, proofWireGuard)); err != nil {
		return nil, fmt.Errorf("sign with the wireguard key: %w", err)
	}
	if m.DiscoProof, err = signX(disco, possession(m, proofDisco)); err != nil {
		return nil, fmt.Errorf("sign with the disco key: %w", err)
	}
	return Sign(TypeKeys, m, node.Signer())
}

// What the two X25519 keys sign is told apart, so that the proof of one is
// none for the other.
const (
	proofWireGuard Type = TypeKeys + "/wireguard"
	proofDisco     Type = TypeKeys + "/disco"
)

// possession is what an X25519 key signs to show that the node has its private
// half: both keys, whose they are, where, and in which statement.
func possession(m *warrenv1.Keys, t Type) []byte {
	b := slices.Concat(m.GetMesh(), m.GetNode(), m.GetWireguard(), m.GetDisco()) // 32 bytes each
	return encode(t, binary.BigEndian.AppendUint64(b, m.GetCounter()))
}

// OpenKeys verifies a key statement of mesh: signed by exactly the node it
// speaks of, and by both keys it states.
func OpenKeys(s *warrenv1.Statement, mesh MeshID) (Keys, error) {
	var m warrenv1.Keys
	signers, err := Open(s, TypeKeys, &m)
	if err != nil {
		return Keys{}, err
	}
	if err := ownFact(signers, m.GetMesh(), m.GetNode(), mesh); err != nil {
		return Keys{}, err
	}
	if len(m.GetWireguard()) != 32 || len(m.GetDisco()) != 32 {
		return Keys{}, fmt.Errorf("keys of the wrong size: %w", ErrStatement)
	}
	k := Keys{Node: NodeIDOf(m.GetNode()), NodeKey: m.GetNode(), Counter: m.GetCounter()}
	copy(k.WireGuard[:], m.GetWireguard())
	copy(k.Disco[:], m.GetDisco())
	if !verifyX(k.WireGuard, possession(&m, proofWireGuard), m.GetWireguardProof()) ||
		!verifyX(k.Disco, possession(&m, proofDisco), m.GetDiscoProof()) {
		return Keys{}, fmt.Errorf("a key whose private half the node did not prove to hold: %w", ErrStatement)
	}
	return k, nil
}

// SignEndpoints makes the endpoint statement of a node that is no rendezvous
// and has no home.
func SignEndpoints(node NodeKey, mesh MeshID, addresses []netip.AddrPort, counter uint64, now time.Time, public ...string) (*warrenv1.Statement, error) {
	return Endpoints{Addresses: addresses, Public: public, Counter: counter, Time: now}.Sign(node, mesh)
}

// Sign makes the endpoint statement of node in mesh; Node and NodeKey are set
// from node. What OpenEndpoints would refuse, and what is beyond the bounds, is
// left out.
func (e Endpoints) Sign(node NodeKey, mesh MeshID) (*warrenv1.Statement, error) {
	m := &warrenv1.Endpoints{
		Mesh: mesh[:], Node: node.Public(), Counter: e.Counter, Time: e.Time.UnixMilli(),
		Public: e.Public[:min(len(e.Public), MaxPublic)], Rendezvous: e.Rendezvous.message(),
	}
	if !e.Home.IsZero() {
		m.Home = e.Home[:]
	}
	for _, a := range e.Addresses {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if len(m.Addresses) < MaxEndpoints && validEndpoint(mesh, a) {
			m.Addresses = append(m.Addresses, a.String())
		}
	}
	return Sign(TypeEndpoints, m, node.Signer())
}

// OpenEndpoints verifies an endpoint statement of mesh. Overlay addresses are
// refused: a tunnel is no path to itself.
func OpenEndpoints(s *warrenv1.Statement, mesh MeshID) (Endpoints, error) {
	var m warrenv1.Endpoints
	signers, err := Open(s, TypeEndpoints, &m)
	if err != nil {
		return Endpoints{}, err
	}
	if err := ownFact(signers, m.GetMesh(), m.GetNode(), mesh); err != nil {
		return Endpoints{}, err
	}
	if len(m.GetAddresses()) > MaxEndpoints {
		return Endpoints{}, fmt.Errorf("%d endpoints, want at most %d: %w", len(m.GetAddresses()), MaxEndpoints, ErrStatement)
	}
	if len(m.GetPublic()) > MaxPublic {
		return Endpoints{}, fmt.Errorf("%d public addresses, want at most %d: %w", len(m.GetPublic()), MaxPublic, ErrStatement)
	}
	for _, p := range m.GetPublic() {
		if !ValidHostPort(p) {
			return Endpoints{}, fmt.Errorf("public address %.60q: %w", p, ErrStatement)
		}
	}
	if n := len(m.GetHome()); n != 0 && n != len(NodeID{}) {
		return Endpoints{}, fmt.Errorf("home of %d bytes: %w", n, ErrStatement)
	}
	e := Endpoints{
		Node: NodeIDOf(m.GetNode()), NodeKey: m.GetNode(), Public: m.GetPublic(),
		Counter: m.GetCounter(), Time: time.UnixMilli(m.GetTime()),
	}
	copy(e.Home[:], m.GetHome())
	if e.Rendezvous, err = openRendezvous(m.GetRendezvous()); err != nil {
		return Endpoints{}, err
	}
	for _, text := range m.GetAddresses() {
		a, err := netip.ParseAddrPort(text)
		if err != nil {
			return Endpoints{}, fmt.Errorf("endpoint %.60q: %w", text, ErrStatement)
		}
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if !validEndpoint(mesh, a) {
			return Endpoints{}, fmt.Errorf("endpoint %s cannot be one: %w", a, ErrStatement)
		}
		e.Addresses = append(e.Addresses, a)
	}
	return e, nil
}

// validEndpoint takes an unmapped address others could send to. A zone means
// something on one machine only, and would hide an overlay address.
func validEndpoint(mesh MeshID, a netip.AddrPort) bool {
	ip := a.Addr()
	return a.IsValid() && a.Port() != 0 && ip.Zone() == "" &&
		!mesh.Prefix().Contains(ip) && !ip.IsUnspecified() && !ip.IsMulticast()
}

func ownFact(signers Signers, mesh, node []byte, want MeshID) error {
	if string(mesh) != string(want[:]) {
		return fmt.Errorf("belongs to another mesh: %w", ErrStatement)
	}
	if len(node) != ed25519.PublicKeySize || len(signers) != 1 || !signers.Has(node) {
		return fmt.Errorf("not signed by the node it speaks of: %w", ErrStatement)
	}
	return nil
}
