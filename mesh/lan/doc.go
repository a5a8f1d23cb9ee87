// Package lan lets members of a mesh find each other in a network they share
// when nobody else can tell them where the others are: no controller is up,
// and the addresses on disk are old.
//
//	own statements ──► seal ──► 239.255.119.97, ff12::7761:7272:656e
//	                            UDP 41824, one hop, every interface
//	others' datagrams ──► on-link? ──► rate ──► open ──► Directory ──► plan
//
// A machine calls out its own key and endpoint statements when it comes up and
// whenever they change, asks while it misses the others, and answers those who
// ask. Calls carry signed statements and nothing else that counts: they are
// believed as far as the directory believes their signatures, so a call can
// neither grant nor redirect.
//
// A call is sealed under a key that follows from the mesh's id. To a stranger
// in a café it is noise: it tells that somebody runs warren, not which mesh,
// whose machine or what addresses. It tells more to who knows the mesh's id:
// members, former members, and holders of an invite. They can listen, and learn
// that members of this mesh are here, their node ids, public keys and addresses.
// Only members are answered. A replayed question is answered within the clocks'
// tolerance of five minutes, later only where its statements are news.
//
// Promises: a datagram has at most 1,200 bytes; one machine sends at most one
// answer in ten seconds after a burst of three; what is read is bounded for
// each source and in all; what does not open is dropped without a word.
// Everything is sent to groups with scopes of one link, with a hop limit of 1.
//
// It does not route, and does not speak for others. What two machines then do
// with each other's endpoints is the tunnel's affair.
package lan
