package mesh

import (
	"net/netip"

	"warren/mesh/filter"
	"warren/mesh/identity"
)

// Ports inside the overlay that belong to the mesh itself. Every peer may
// reach them; no policy opens or closes them. They differ from every underlay
// port a node may listen on, which it takes on all addresses, the overlay's
// included; and below 1024 no other user of the machine can take them first.
const (
	// PeerPort is TCP: the API members offer each other.
	PeerPort = 418
	// SessionPort is UDP: the socket of the WebRTC sessions.
	SessionPort = 418
	// GossipPort is UDP and TCP: the pool of package gossip.
	GossipPort = 419
)

// OwnPort reports whether a port inside the overlay belongs to the mesh itself.
// Behind these a peer's overlay address counts as the peer's word.
func OwnPort(port uint16) bool {
	return port == PeerPort || port == SessionPort || port == GossipPort
}

// Config is what the tunnel has to be: the packets' part of a Plan. The zero
// value is a machine that meets nobody.
type Config struct {
	Self identity.NodeID
	Mesh identity.MeshID
	// Addresses are this machine's own: a /128, and a /32 where it has one.
	Addresses []netip.Prefix
	// Routes go into the tunnel: the mesh's /48 and its IPv4 range.
	Routes []netip.Prefix
	// Peers are sorted by ID; no two share an ID or a WireGuard key.
	Peers []Peer
	// Filter says what peers may begin here; nil allows nothing.
	Filter *filter.Rules
	// Rendezvous are the members that help others to meet, sorted by ID, this
	// machine among them where it is one.
	Rendezvous []Rendezvous
	// Home is where this machine waited for messages last; zero is nowhere.
	Home identity.NodeID
}

// Peer is a member this machine may meet.
type Peer struct {
	ID identity.NodeID
	// WireGuard and Disco are Curve25519 public keys.
	WireGuard, Disco [32]byte
	// Addresses are the peer's overlay addresses, IPv6 first.
	Addresses []netip.Addr
	// AllowedIPs are what WireGuard takes from the peer and sends to it: its
	// own addresses, and later the networks behind it.
	AllowedIPs []netip.Prefix
	// Endpoints are underlay addresses, as the peer stated them; may be empty.
	Endpoints []netip.AddrPort
	// Home is the rendezvous where the peer waits for messages; zero is none.
	Home identity.NodeID
}

// Rendezvous is a member that carries messages, and packets where nothing else
// does, between members that cannot reach each other.
type Rendezvous struct {
	ID identity.NodeID
	// Name is for people.
	Name string
	// Certificate is the SHA-256 of the certificate behind its doors.
	Certificate [32]byte
	// Doors are "HOST:PORT" with TLS, the first choice first.
	Doors []string
	// STUN are the UDP ports on the doors' hosts that tell callers where they
	// come from.
	STUN []uint16
	// Relay are the addresses its packet relay may have; empty is no relay.
	Relay []netip.AddrPort
}
