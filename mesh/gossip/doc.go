// Package gossip keeps a pool of members told about each other: who is up, how
// far each one's log goes, and the statements they sign.
//
//	   overlay, port 419                          node
//	UDP ──► transport ──► guard ──► memberlist ──► roster ──► Picture, Notice
//	TCP ──►  (a peer?)   (genuine?)     │             │
//	                                    │             └─────► Behind: fetch there
//	                                    ▼
//	                 statements ──► Merge (verifies) ──► news: on to others
//
// Each member says of itself, in at most 512 bytes that it signs: the head of
// its log, the revision of its policy, a digest of its revocations. Who hears of
// more than it holds has Behind called, after a moment in which a controller may
// bring it anyway, and fetches it from that peer. Statements (keys, endpoints,
// revocations) go to a few members at a time in packets, each passing on what
// was news to it, until all have them; what got lost comes with the push/pull of
// every half minute, in which two members compare what they hold.
//
// memberlist (SWIM) finds out who is up. It believes whoever reaches it, so a
// guard reads every byte before it and writes it anew: from peers of the plan
// only, of members only, and of a member only what that member signed. One voice
// that calls another dead is a suspicion, which the living refute; two are a
// death. Accusations cannot push a member's numbers beyond what it signed for.
//
// Promises. Nothing said here authorises anybody, and nothing revokes but a
// statement whose signature Merge has checked: a lie costs a light in a list, for
// seconds. Peers that Apply leaves out are gone from Picture before it returns,
// and nothing of theirs is read after that. Packets fit a tunnel of MTU 1,280.
// What comes in is bounded: 100 packets a second, 10 streams a second and 1 MiB a
// stream of each peer; queues that are full drop, and what they drop comes again.
// Broadcast does not block. Run returns with no goroutine left.
//
// A further type of statement, such as "warren/checkpoint/v1" of the
// controllers' audit log, takes three steps: name it in travels; say in glance
// what it is the newest word on, its node and counter, or leave it to be named by
// its own hash where two that differ shall meet; and have Merge (node/gossip.go)
// verify it, Facts list the ones held, and whoever signs one call Broadcast. It
// must fit MaxStatement, and fits a packet up to MaxBroadcast.
//
// It dials through the overlay only, keeps nothing on disk, and does not choose
// paths: those are the engine's. One pool is good for about a hundred members;
// larger fleets need one for each site.
package gossip
