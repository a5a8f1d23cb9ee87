// Package demo runs a whole mesh on one machine, as real processes of the
// warren binary that speak over loopback only: three controllers, a technician's
// node, and devices. It needs no root.
//
//	warren demo (this package) -- starts, watches, ends --> warren up ...
//	     ^                                                     (one a node)
//	     +-- control socket: status, stop NAME, start NAME
//
// Everything lies in one folder, which is gone when Run returns, as are the
// processes: they are children in the demo's own process group and get SIGTERM,
// then SIGKILL. A node that is stopped keeps its folder until the end, so that
// starting it again shows what a restart does.
package demo
