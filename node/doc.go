// Package node is this machine: the one place where the rooms meet. It owns
// every lifetime and decides nothing that a room or the plan can decide.
//
// The heart is a loop. What all agree on changes; the pure function plan.For
// says what this machine is to be; every room converges to its part:
//
//	store (controllers) --+
//	follow (the others) --+-> view.Cache -> plan.For -> mesh/engine
//	disk (at start)     --+                          -> session/broker
//	                                                 -> port (who may connect)
//
// Around it stand three doors: the local socket for programs of this machine,
// the node port for other machines over TLS, and the peer port inside the
// overlay.
//
// Run starts with what is on disk and needs nobody: a device without a
// controller comes up, meets its peers where it last knew them, and enforces
// the policy it holds. It ends with its context, in the order written in
// Run, and nothing it acknowledged is lost by being killed.
package node
