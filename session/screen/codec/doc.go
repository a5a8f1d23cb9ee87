// Package codec encodes pictures of a screen as video, in a process that can do
// nothing else.
//
//	Lay(what changed)    into memory that the helper can only read
//	Encode() |
//	     |   v
//	 shared picture ----> helper: B,G,R -> 4:2:0 by libyuv
//	     commands  ----->   VP9 by libvpx, AV1 by libaom, for screens
//	     <----- packets
//
// The helper is a static C program (folder sandbox) that make build compiles
// from Debian's libraries and packs into the binary; it runs from sealed memory
// and never touches a disk. Before it reads a byte it gives up root, privileges,
// files, and all system calls but those for memory, time, threads and its two
// pipes; after its first picture it makes no more threads. Where the kernel
// permits, it has namespaces of its own. So a codec that a picture can break is
// a broken child, not a broken node. It dies with its parent.
//
// One helper is one codec and one size: another size is another Encoder. The
// colours are BT.601 in full range and said so in the stream; pictures of odd
// size are padded at their right and lower edge, and the viewer cuts that off.
//
// Promises: Encode returns after Options.Patience at the latest, times the
// helpers it has to try (three), whatever the codec does; a helper that died is
// replaced, and the packet then is a key. What a helper sends is bounded
// (31 MiB a packet) and never trusted. Nothing is kept of a picture but the
// shared copy.
//
// Not here: when video is better than tiles (package video), what goes over the
// wire, decoding. Builds without the helper say ErrMissing.
package codec
