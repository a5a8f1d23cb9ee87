// Package platform is what one machine gives its node: a folder for its state,
// files that survive a power cut, a socket, a lock and a configuration file.
//
// The state folder is found in this order (StateDir): the --state flag,
// $WARREN_STATE, the system's folder where this user is root or a daemon
// answers there, else the user's own state folder. It is 0711, so that every
// local user reaches the socket and nobody lists the rest; keys are 0600.
//
//	DIR/node.key  technician.key  view  ...   state files: data + trailer
//	DIR/node.key.prev                         the generation before
//	DIR/warren.yaml                           flags of up, written by people
//	DIR/warren.sock                           0666; peer credentials decide
//	DIR/warren.lock                           held by the one daemon
//	DIR/raft/                                 the controller's log
//
// Promises. WriteFile returns when the new contents are on disk under their
// name; a reader sees the old contents or the new, whole, whenever the machine
// lost power in between. ReadFile verifies length and SHA-256 and falls back
// to the generation before, saying so. ListenSocket and Lock never take over
// from a live daemon. Errors a person can mend are faults with a hint.
//
// It does not encrypt (a key's passphrase is its owner's matter), it does not
// serialise two writers of one file (Lock keeps a second daemon out), and it
// starts no goroutine.
package platform
