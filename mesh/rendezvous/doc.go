// Package rendezvous is what a publicly reachable member does for the others:
// it tells them where they come from, carries their messages, and carries
// their packets where nothing else does.
//
//	UDP port+1, port+2   STUN: what address and port a caller has outside
//	TLS, /derp           DERP: messages, and packets where UDP is blocked
//	UDP port+3           relay: packets of two members behind hard NATs
//
// Two members that know no path to each other leave a message at the other's
// home rendezvous. Mostly it says "I have just opened my NAT for you, these
// are my addresses", and from then on they talk directly. Where no NAT opens,
// the relay forwards; where UDP is blocked altogether, DERP does.
//
// What passes are WireGuard packets and sealed path discovery messages between
// the members themselves. Keys of neither are here, and no code of this
// package or of the library beneath could open them: a rendezvous sees who
// talks to whom, when and how much, and can drop it, but reads and alters
// nothing.
//
// Promises. DERP is for members: a caller proves its WireGuard key in the
// first message, and only a key that Apply named gets further; a key that
// Apply no longer names is thrown out before Apply returns. The relay is for
// pairs of members of which one asked for it, through its tunnel's path
// discovery. STUN answers anybody, with less than it was sent, and not often.
// Everything is bounded: connections, handshakes, rates. New takes the ports,
// so that a taken one is known at once; Run serves and returns after all has
// ended.
//
// Not done here: choosing a home, which each machine does by itself
// (mesh/engine), and telling others of this one (the endpoint statement,
// mesh/identity). There is no limit to what one pair sends through the relay,
// nor an end of a pair whose member is put out, but the library's own.
package rendezvous
