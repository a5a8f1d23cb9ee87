// Package invite is how a machine or a person comes into a mesh: links,
// invites, claims and the six words people compare.
//
// A technician draws a secret and signs an Invite that holds the public half
// of a key derived from it. The link carries the secret and the mesh id. Who
// has the link derives the key and signs a Claim with it and with his own node
// key; a technician then approves the claim by an entry in the trust log.
//
//	technician                      controller                  joiner
//	    |-- Invite (signed) ------------>|                          |
//	    |-- Link (secret) ------------------------- by hand ------->|
//	    |                                |<-- Claim (two keys) -----|
//	    |<-- Claim ----------------------|                          |
//	    |<.. six words, compared by voice .........................>|
//	    |-- entry of the trust log ----->|------------------------->|
//
// The secret never travels except in the link, so a controller can neither
// make an invite nor use one, and what a sniffer sees cannot be replayed. The
// words come from the joiner's key, the invite and the mesh alone.
//
// Secret and Link print as what they are for, never as the secret; Link.String
// is the one way to get it. The package reads no clock, does no I/O, logs
// nothing and starts nothing. It does not count uses and does not compare the
// nonce of a claim: who orders claims does.
package invite
