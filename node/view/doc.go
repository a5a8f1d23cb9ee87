// Package view is what this machine knows of what all machines agree on: the
// verified trust log, the policy its head names, and the key and endpoint
// statements of members, in memory and on disk.
//
// Parts of a View come from a controller, from a peer, or from this machine's
// own replica; Merge treats them alike and believes nothing it has not
// verified itself:
//
//	warrenv1.View -> Merge -> trust.Log (descendant of ours, or refused)
//	                       -> policy text (its hash stands in the log)
//	                       -> mesh.Directory (facts signed by their node)
//
// Promises: a head never goes back; a policy is only ever the one the head
// names; what Merge has accepted of log, revocations and policy is on disk
// before it returns. It dials nobody and decides nothing.
package view
