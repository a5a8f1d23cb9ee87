// Package archive writes and reads backup files of a controller.
//
//	Backup (snapshot, node key, ...) -> protobuf -> age -> FILE
//
// A file is an age file (age-encryption.org/v1), for a passphrase or for age
// recipients, so that age itself can open it. Inside is one warrenv1.Backup.
//
// Promises: Open gives nothing of a file that was changed at any bit, and only
// what state verified: the chain, every signature, that the node key is a
// controller's of that mesh. Who holds a file and what opens it is that
// controller, and its technician.
//
// What it does not do: read or write state folders, which is node/rescue's.
package archive
