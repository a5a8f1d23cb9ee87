// Package fault turns errors into what people and scripts see: a kind, a
// message and a hint.
//
// Rooms return plain Go errors. Where node or cmd knows what an error means to
// a person, it makes a fault of it, and whatever wraps that fault later keeps
// its kind and its hint:
//
//	room error ──> fault.New(kind, "what happened: %w", err).Try("what to do")
//	                  │
//	     Wire ────────┤  Connect code + message + detail {kind, hint, reason, id, said}
//	     FromWire <───┤  the same fault, on the other side of the API
//	                  │
//	     Format ──────┼──> warren: what happened; try: what to do
//	     ExitCode ────┘──> 1 to 6
//
// Exit codes: internal 1, invalid 2, denied 3, not found 4, conflict 5,
// unavailable 6. An error that nobody gave a kind is internal, except that a
// deadline or a cancellation means unavailable.
//
// Promises: every function is pure, accepts nil and never panics; Format gives
// one line without control characters, whatever a remote machine wrote into
// the error. It does not log, and it does not decide how much of an internal
// error a stranger may read: that is the API's question.
package fault
