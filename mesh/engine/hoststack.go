package engine

import (
	"context"
	"net"
	"net/netip"
)

// hostStack makes the system's own sockets, for ModeKernel. The router gives
// the device its addresses.
type hostStack struct{}

func (hostStack) setAddresses([]netip.Prefix) error { return nil }

func (hostStack) listen(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", at.String())
}

func (hostStack) listenPacket(ctx context.Context, at netip.AddrPort) (net.PacketConn, error) {
	var lc net.ListenConfig
	return lc.ListenPacket(ctx, "udp", at.String())
}

func (hostStack) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, to.String())
}

func (hostStack) close() {}
