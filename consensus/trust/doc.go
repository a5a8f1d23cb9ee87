// Package trust is the mesh's trust log: who may sign what, and what they
// signed.
//
// The log is a chain of signed entries. The first one founds the mesh, and its
// hash is the mesh id that every invite pins. Each later one names the hash of
// the one before, and records a technician, a machine, a controller or the
// hash of the policy:
//
//	genesis <- device <- controller <- policy <- device <- technician ...
//	                                                ^ folds
//	                       revocation   revocation -'
//
// Controllers decide the order of entries and nothing else. Every machine
// holds the chain and judges each entry by the chain before it: granting needs
// min(k, admins) admins, revoking needs one. A machine may also come in by an
// invite that asks for no approval: the right is in the invite and the claim,
// and the controller signs for nothing but their place in the chain.
//
// A revocation has no parent, so that two people can revoke offline without a
// fork. Beside the chain it only takes away: its target counts as revoked and
// its target's signature no longer counts. Names, addresses and the number of
// admins change when an entry folds it into the chain, because there all agree
// on what came before it. A revoked key never returns.
//
// A Log is a verified value. It never changes, and copies share what is equal,
// so that adding a machine to ten thousand costs what adding it to ten does.
// The package reads no clock, does no I/O, logs nothing and starts nothing.
//
// It does not decide who sees which entry when, does not notice that entries
// are withheld, does not end a record at its NotAfter (who uses it does), and
// does not limit how much one admin revokes.
package trust
