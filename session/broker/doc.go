// Package broker lets technicians into a device: offer, answer, authorise,
// list, end.
//
// A technician's node asks the device for a nonce, signs an offer that names
// mesh, session, both nodes, verb, OS user, nonce and the hash of its DTLS
// certificate, and gets an answer signed by the device's node key with the
// hash of the other certificate. Both then connect by ICE over the overlay;
// DTLS succeeds only between the holders of the two signed certificates.
// Whatever carries hello, offer and answer, and whoever alters the ICE part,
// can prevent a session, and can neither read nor redirect one (SECURITY.md,
// 3.7).
//
//	Dial (technician)                      Broker (device)
//	   Hello ------------------------------> nonce, once, 60 s
//	   Open{offer, transport} -------------> sizes, mesh, device, nonce,
//	                                         technician, signature, Plan, kind
//	   <----------------- {answer, transport}
//	   ICE, then DTLS, then one SCTP channel; each certificate compared again
//	   Conn.Stream  <======================> Kind.Serve
//
// Hub is the one UDP socket below all of it, for both roles of a node.
//
// Promises: a nonce counts once; Apply ends what is no longer granted within a
// second; Run returns when every session has ended; a slow reader makes Send
// block instead of filling memory; a peer that vanishes is noticed after 15
// seconds.
//
// It does not find devices, carry Hello and Open, decide policy, or know what
// a verb does: node and the kinds do that.
package broker
