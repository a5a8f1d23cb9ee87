package console

import (
	"context"
	"net"
	"net/netip"
)

type ownerKey struct{}

// withOwner notes whose program is at the other end of a connection.
func withOwner(ctx context.Context, c net.Conn) context.Context {
	owner := noOwner
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	to, err2 := netip.ParseAddrPort(c.LocalAddr().String())
	if err == nil && err2 == nil {
		owner = socketOwner(from, to)
	}
	return context.WithValue(ctx, ownerKey{}, owner)
}

func ownerOf(ctx context.Context) int {
	if owner, ok := ctx.Value(ownerKey{}).(int); ok {
		return owner
	}
	return noOwner
}
