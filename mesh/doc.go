// Package mesh is the contract of the room that moves packets: what a machine
// must be told to take part in the overlay, and what machines say of
// themselves.
//
// Two things stand here. Config is the part of a Plan that concerns packets:
// who this machine is, whom it may meet, and what may enter. It is computed
// from what all agree on and given to mesh/engine, which converges to it.
// Directory holds what nobody needs to agree on because each machine vouches
// for it alone: its WireGuard and disco keys and the addresses at which it can
// be reached, as statements signed by its node key.
//
//	trust log, policy -> node/plan -> Config -> mesh/engine
//	statements (controllers, gossip, disk) -> Directory -> node/plan
//
// Promises: a Config is a value that nobody changes once it is handed over. A
// Directory keeps at most two statements a member, of at most MaxFact bytes
// each, verified before they are kept; a statement with a lower or equal
// counter never replaces a newer one, so the order of arrival does not matter.
// Its methods may be called from any goroutine and do not block on anything
// but each other.
//
// The package does no I/O, and it does not decide who is a member: that is
// asked through a function given to NewDirectory.
package mesh
