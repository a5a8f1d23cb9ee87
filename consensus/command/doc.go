// Package command is the verbs of consensus: what a controller may put into
// the Raft log, and how it lies there.
//
// A command is a past-tense intent of one of seven kinds. Its envelope names
// the kind, the version of the kind's body and the time the leader stamped on
// it; the body is a protobuf message.
//
//	Propose ──New──> Command ──leader: At(now)──> Encode ──> Raft log
//	                                                            │
//	              state.Apply <── Command <── Decode <──────────┘
//
// Promises: bytes that decoded once decode for ever (testdata holds golden
// bytes of every kind and version). Encoding is deterministic. Decode reads at
// most MaxSize bytes. A kind, a version or a field that this program does not
// know is ErrUnknownKind, never skipped: a controller that guessed would
// diverge from the others.
//
// What it does not do: check signatures or rules, which is state's work, and
// read a clock.
package command
