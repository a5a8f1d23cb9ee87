package engine

import (
	"time"

	"tailscale.com/types/key"
)

// stuckAfter is how long the removal of a peer may take before packets are
// thrown away for it; it takes microseconds.
const stuckAfter = 50 * time.Millisecond

// removing does what makes WireGuard remove a peer. WireGuard does so with its
// list of peers locked, and waits until the peer's receiving goroutine ends.
// Where that one has something to answer (a TSMP ping, a SYN that the rules
// refuse, a packet for a port that nobody listens on) it waits in turn:
//
//	removal, holds the list -> receiver, has an answer -> reader -> the list
//
// So a peer that floods us could stop all tunnels of this machine for good by
// being removed. Whoever removes has somebody beside it, who takes the
// answers instead of the reader, and drops them.
func (e *Engine) removing(remove func()) {
	done := make(chan struct{})
	late := time.AfterFunc(stuckAfter, func() { e.drain(done) })
	remove()
	close(done)
	late.Stop()
}

// drain reads what goes into the tunnels until done, or the engine, ends. It
// may take one packet too many: it ends with that.
func (e *Engine) drain(done <-chan struct{}) {
	const offset = 64 // more than any header in front
	buffers := make([][]byte, e.tun.BatchSize())
	for i := range buffers {
		buffers[i] = make([]byte, offset+1<<16)
	}
	sizes := make([]int, len(buffers))
	for {
		select {
		case <-done:
			return
		default:
		}
		if _, err := e.tun.Read(buffers, sizes, offset); err != nil {
			return
		}
	}
}

// anew forgets the keys of a tunnel: the next packet begins with a handshake.
func (e *Engine) anew(k key.NodePublic) {
	e.removing(func() { e.wg.ResetDevicePeer(k) })
}

// sync makes WireGuard ask again what the peer may send, and whether it is one.
func (e *Engine) sync(k key.NodePublic) {
	e.removing(func() { e.wg.SyncDevicePeer(k) })
}
