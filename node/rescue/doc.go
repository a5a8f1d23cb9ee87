// Package rescue is what a person does when controllers are lost: make a
// backup, found the mesh's consensus anew from one, or let the last survivor go
// on alone.
//
//	node -> Snapshot -> Backup + keys of the folder -> archive -> FILE
//	FILE -> archive -> Restore -> node.key, view, raft/, member   (a new folder)
//	raft/ of the survivor -> Recover -> the same folder, one voter
//
// After Restore and Recover there is one controller, and it must stay the only
// one: the others, should they come back, still hold the old cluster and, two
// of them together, its majority. So both revoke the others' right to order,
// with the key of an admin in the folder or with the recovery key. Where
// neither is at hand and others are left, they refuse. The revocations lie in
// the view before the cluster changes: the node port refuses the others from
// its first moment, and the log takes them in when it leads.
//
// What it does not do: reach other machines. The folder must not be in use.
package rescue
