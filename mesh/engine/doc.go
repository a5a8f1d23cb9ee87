// Package engine carries packets between this machine and its peers.
//
// It is the only package that knows Tailscale's wgengine and magicsock, and it
// drives them without Tailscale's servers: who the peers are, where they may
// be found and what they may send comes in through Apply; where this machine
// can be found goes out through Endpoints.
//
//	              Apply(mesh.Config)            Endpoints, Peers
//	                     |                             ^
//	               +-----v-----------------------------+----+
//	programs <-TUN-+-> rules, guard <-> WireGuard <-> disco -+-> UDP port
//	Listen, Dial <-+-> gVisor                                |
//	               +----------------------------------------+
//
// Overlay packets meet IP in one of two places. In ModeKernel a TUN device
// gives them to the system, and Listen and Dial are the system's sockets. In
// ModeUserspace they end in a TCP/IP stack inside this process, and only
// Listen, ListenPacket and Dial reach it; nothing is passed on to ports of the
// host. With Options.Loopback nothing leaves the machine at all: the kernel
// itself drops what comes from elsewhere, and only loopback endpoints are
// published and tried.
//
// Promises. Apply is idempotent, touches only what differs and never stops
// half-way; a removed peer gets and sends no further packet once it returns,
// and a TCP connection whose rule is gone is reset. Methods may be called from
// any goroutine. Ping, Open and Dial block until ctx ends, five seconds at
// most for a Ping without a deadline; nothing else blocks on the network. A
// tunnel that works once works again within ten seconds after a restart or a
// move of either side, if one of them has something to say. Run owns all
// goroutines and returns after they have ended.
//
// Two machines of which neither can reach the other meet through a rendezvous
// of Config: a member that carries their messages, and their packets where no
// NAT opens. Each waits at the nearest one, its Home, and tells where. A home
// that carries nothing for two to four seconds is left for one that does.
//
// Not done here: membership, names, presence (Peers tells of traffic, not of
// who is up), and what a rendezvous does (mesh/rendezvous); ServeRelay alone
// passes on what peers ask of this machine's packet relay.
package engine
