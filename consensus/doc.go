// Package consensus is the room of what all machines agree on: who belongs to
// the mesh, who may sign what, the policy, and which invites are spent.
//
// People and machines sign; controllers put in order. What a controller orders
// is worth nothing without the signatures on it, and every machine checks them
// for itself:
//
//	policy    what the policy's text means              pure
//	invite    links, invites, claims, phrases           pure
//	trust     the signed, hash-chained log              pure
//	command   the verbs, as bytes in the Raft log       pure
//	state     the nouns, and Apply(command)             pure
//	store     Raft: order, disk, snapshots, leader      the only I/O
//
// A controller runs store. Everyone else follows what a controller or a peer
// passes on, and verifies it with trust and policy alone.
//
// The promises are those of the packages: state.Apply gives the same on every
// controller, and store acknowledges nothing that a crash could undo. The room
// does not know how packets travel, who is online, or what a session is.
package consensus
