// Package store keeps what all machines agree on: it orders commands through
// Raft, writes them to disk before it answers, and applies them to
// consensus/state.
//
//	Propose ──> leader? ──> stamp time ──> raft.Apply ──> wal/ (fsync)
//	                                           │ committed
//	            Result <── state.Apply <───────┘
//	                            │ every SnapshotEvery commands
//	                            └──> snapshots/
//
// Open takes the folder, Run takes part in the cluster until its context ends.
// A controller that is the only voter elects itself at once instead of waiting
// for a heartbeat that nobody could send; with more voters the usual timeouts
// and pre-vote hold.
//
// Promises: a command that Propose acknowledged is on the disks of a majority,
// and survives kill -9 and power loss at any moment. One error stands for one
// outcome: a typed error of state means refused and nothing changed,
// NotLeaderError and ErrNoLeader mean not begun, ErrUnknownOutcome means that
// it may yet happen. A command of a kind that this version does not know stops
// the store with ErrHalted, and a restart meets it again until the program is
// newer. State is local and may lag; Verify makes it linearisable on the leader,
// Current there and Reach here on a follower.
//
// The cluster grows online: AddReplica, then Promote, which gives the vote only
// when the replica has caught up; Remove takes a controller out, and a leader
// that is to go, or whose Run ends, hands its office over first.
//
// What it does not do: carry a follower's command to the leader, which is
// node's work, or check signatures, which is state's. It does not choose who
// votes.
package store
