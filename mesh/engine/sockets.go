package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Listen accepts TCP connections on an own overlay address. The packet rules
// decide who gets through to it.
func (e *Engine) Listen(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	at = unmap(at)
	if !e.view.Load().isSelf(at.Addr()) {
		return nil, fmt.Errorf("listen on %s: not an overlay address of this machine", at)
	}
	return e.stack.listen(ctx, at)
}

// ListenPacket opens UDP on an own overlay address; LocalAddr is a
// *net.UDPAddr with that address. A datagram fits a packet of the tunnel.
func (e *Engine) ListenPacket(at netip.AddrPort) (net.PacketConn, error) {
	at = unmap(at)
	if !e.view.Load().isSelf(at.Addr()) {
		return nil, fmt.Errorf("listen on %s: not an overlay address of this machine", at)
	}
	if e.opts.Mode == ModeKernel && at.Port() == e.Port() {
		// The tunnel's socket has that port on all addresses, these too.
		return nil, fmt.Errorf("listen on udp %s: the tunnel has this port itself: %w", at, ErrPortTaken)
	}
	return e.guard.datagrams.listen(at)
}

// Dial connects to an overlay address over "tcp" or "udp". It opens the tunnel
// first where it is not open yet, and says ErrNoPath where it cannot be.
func (e *Engine) Dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	to = unmap(to)
	v := e.view.Load()
	if !v.isSelf(to.Addr()) {
		p, ok := v.peerFor(to.Addr())
		if !ok {
			return nil, fmt.Errorf("dial %s: %w", to, ErrUnknownPeer)
		}
		if err := e.open(ctx, p); err != nil {
			return nil, fmt.Errorf("dial %s: %w", to, err)
		}
	}
	return e.stack.dial(ctx, network, to)
}

// unmap takes ::ffff:10.0.0.1, as net.UDPAddr may hold it, for 10.0.0.1.
func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
