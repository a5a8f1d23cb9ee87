package node

import "warren/mesh/engine"

// collectFrom is where the collector of a machine that is no controller begins
// to work harder, in bytes of address space: the tunnel's packet buffers, of
// 64 KiB each, grow without bound otherwise. It is no hard limit.
//
// With a kernel interface a buffer's first page or two are ever touched, so
// that half a gigabyte stands for about 100 MB of memory. The stack of this
// process touches all of them. A limit that the buffers in flight reach makes
// the collector run all the time, and cost two thirds of the throughput.
func collectFrom(mode engine.Mode) int64 {
	if mode == engine.ModeUserspace {
		return 256 << 20
	}
	return 512 << 20
}
