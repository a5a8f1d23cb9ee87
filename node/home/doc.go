// Package home is what a machine keeps of itself in its state folder: its
// keys, its membership, its newest View.
//
//	node.key        Ed25519 identity; made once, never replaced
//	tunnel.key      WireGuard and disco keys with their counter
//	technician.key  the key of the person who joined from here, if any
//	member          which mesh, under what name, and how far enrolment is
//	view            the newest verified View
//	notebook        signed notes of sessions that no controller has yet
//	checkpoints     what this machine remembers of the audit log
//	console.key     by which the console knows the browsers it let in
//
// The file member is written last when a mesh is founded or joined: without
// it the folder belongs to no mesh, whatever else a crash left behind, and
// init or join may simply be repeated.
//
// Promises: every file is replaced whole or not at all, and damage is noticed
// (see platform.WriteFile). It holds no lock and runs nothing.
package home
