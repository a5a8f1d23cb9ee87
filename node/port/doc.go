// Package port is a node's one TLS port: a listener that tells callers apart
// by ALPN and knows each by its node key, and the dialler for the other end.
//
// A caller proves the key of its NodeID in the TLS 1.3 handshake. Admit says,
// before any byte is served, whether that key may use the protocol it asked
// for; one protocol, one listener, one handler:
//
//	            +-> warren-enrol/1  strangers with an invite
//	TCP -> TLS -+-> warren-node/1   members
//	            +-> warren-raft/1   controllers
//	            +-> none of these   anyone, on a rendezvous: DERP, the landing page
//
// There is no certificate authority and no session resumption. HTTP handlers
// run behind it as HTTP/2 without a second TLS layer (Serve and Client).
//
// On a rendezvous, TLS clients that name none of the protocols get to the
// listener of Anyone without proving anything, and no further. Who takes no
// Ed25519, as browsers do not, is shown a certificate of another kind there.
//
// Promises: a handshake ends within HandshakeTimeout; at most MaxHandshakes
// are under way; a connection whose key loses its right is closed by Recheck.
// It does not authorise calls: handlers do, with Peer.
package port
