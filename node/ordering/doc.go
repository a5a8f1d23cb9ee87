// Package ordering is how a machine gets a command ordered and reads what only
// controllers keep: Council on a controller, through its own replica and the
// leader; Remote elsewhere, from any controller that answers. Who is in the
// cluster and who votes is arranged here too, by the leader.
//
// Both ways have one interface and one set of errors. A refusal crosses the
// wire as a fault whose Reason names the state package's sentinel, and comes
// back as that sentinel, so that callers need not know which way they took:
//
//	state.ErrUsed -> fault{denied, "used"} -> wire -> errors.Is(err, state.ErrUsed)
//
// Promises: an answer without an error means the command is ordered and on a
// majority's disks. While no leader is known it is tried again for up to
// Patience. ErrUnknown outcomes are said to be unknown, never retried.
package ordering
