// Package x11 is the displays of X servers: package screen's Desk for Linux.
//
//	/tmp/.X11-unix, /proc --> finds displays and their keys (probe.go)
//	X server <--socket--> link: bounds, replies, events    (link.go)
//	        \--shared memory--> Grab: pixels               (grab.go)
//
// A Display is one connection. Damage, the pointer's shape and changes of size
// are told by the server; pixels come by shared memory where the server can
// reach it, else over the socket.
//
// The server may be anybody's on this machine, so what it says is foreign:
// replies are bounded, a reply out of shape is an error and not a panic, and a
// server that does not answer ends with the connection's Close.
//
// A Seat and what speaks to the person at the display have connections of
// their own: input_*.go press keys as package keys says, clipboard*.go own and
// read the CLIPBOARD selection, notice_*.go draw the question and the notice.
//
// What seats hold is noted in a file that an heir reads, this program once more,
// and lets go of when the node is killed (holding.go, heir.go, Inherit).
//
// It does not start displays (see package virtual) and does not know Wayland:
// Probe names Wayland sessions and says that they cannot be looked at.
package x11
