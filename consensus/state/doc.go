// Package state is the nouns of consensus: what a controller knows after the
// commands of the Raft log, and the one way it changes.
//
// A State holds the trust log, the policy's text, the invites with the claims
// on them, and indexes over the machines, in one in-memory database. Apply
// takes one command, checks it against the rules and the signatures again,
// and changes all of it or none:
//
//	command ──> Apply ──> rules ──> trust.Append / invite.OpenClaim ──> commit
//	                        └── refused: a typed error, nothing changed
//
// What grants is signed by people and machines and checked here on every
// controller. What Apply adds on its own grants nothing: the order, the
// revision, and that each use of an invite is bound to one machine.
//
// Promises: Apply is deterministic and total. It reads no clock (the command
// carries the leader's time), never panics, and gives the same state on every
// controller from the same commands. A View is immutable and consistent.
// Every list that others can make grow is bounded. A snapshot carries a format
// number and is verified like a stranger's bytes when it is restored.
//
// What it does not do: read policies (it compares hashes; the node parses),
// compare a claim's nonce, or decide who may ask. It does no I/O and starts no
// goroutine.
package state
