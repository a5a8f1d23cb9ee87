// Package identity is who a machine is: its key, its name and addresses, the
// envelope of signed statements, and TLS between machines that know each other
// by key.
//
// A machine makes one Ed25519 key and keeps it. Everything else follows:
//
//	node key -> NodeID -------------> overlay address in a mesh
//	         -> key statement ------> WireGuard and disco keys
//	         -> endpoint statement -> where it can be reached
//	         -> certificate --------> TLS 1.3, no authority involved
//
// A Statement is a DSSE envelope: a type, the bytes, and signatures over both.
// The bytes are judged as they came and never encoded again; the type is part
// of what is signed, so that a signature made for one purpose is worth nothing
// for another. A statement with one bad signature, or with a field this
// version does not know at any depth, is refused whole.
//
// TLS asks for a certificate of the peer, takes the key out of it and forgets
// the rest: the handshake proves that the peer has the key, and the caller
// decides by the key.
//
// NodeKey prints as the short NodeID, never as the key. The package reads no
// clock, does no I/O of its own and logs nothing. It does not know who may do
// what: that is consensus/trust.
package identity
