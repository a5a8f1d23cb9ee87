// Package audit is the mesh's audit log: what was done, by whom, on what, with
// before and after, in one order and under one Merkle root.
//
// Controllers derive the records from the commands that Raft orders, so all of
// them compute the same bytes and the same root (RFC 6962, by
// golang.org/x/mod/sumdb/tlog). Sessions come from the devices: each keeps a
// chain of signed notes, and a record of a session carries the note itself.
//
//	command ──> state.Apply ──> Record ──> Log.Append ──> size, root
//	                                                        │ signed each minute
//	device ──> Note 1 <─ Note 2 <─ Note 3                   v and after changes
//	             (chain, own key)                       Checkpoint ──> every member
//	                                                        │
//	member: Witness.Hear ──> same size, other root?  contradiction
//	                    └──> newer: Settle(proof) ──> one line of checkpoints
//
// Controllers order and cannot grant; this log shows that they do not rewrite
// either. Every member is a Witness: it keeps the checkpoints it has compared,
// and a controller that drops, alters or reorders a record contradicts a
// checkpoint it or another controller signed, or a note a device signed.
// Verify compares a whole log with what a machine holds, and says which record
// is wrong.
//
// Promises: Encode is canonical and its bytes never change; Decode takes
// nothing else. A Log is a value: views of it stay as they were while it
// grows. Everything that comes from elsewhere is bounded. The package reads no
// clock, does no I/O and starts nothing.
//
// What it does not do: keep the text of what is older than KeepRecords, decide
// who may read the log, or carry anything.
package audit
