package console

import (
	"context"
	"net"
	"net/netip"
)

type (
	ownerKey struct{}
	placeKey struct{}
)

// withOwner notes whose program is at the other end of a connection, and the
// place that it has.
func withOwner(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.(*placed); ok {
		ctx = context.WithValue(ctx, placeKey{}, p.at)
		return context.WithValue(ctx, ownerKey{}, p.at.owner)
	}
	return context.WithValue(ctx, ownerKey{}, connOwner(c))
}

func connOwner(c net.Conn) int {
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	to, err2 := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil || err2 != nil {
		return noOwner
	}
	return socketOwner(from, to)
}

func ownerOf(ctx context.Context) int {
	if owner, ok := ctx.Value(ownerKey{}).(int); ok {
		return owner
	}
	return noOwner
}

// isGuest tells whether a connection is of a local user whom the node does not
// know, and has shown no bearer.
func isGuest(ctx context.Context) bool {
	at, ok := ctx.Value(placeKey{}).(*place)
	return ok && at.isGuest()
}

// vouched notes that a connection has shown a bearer that holds.
func vouched(ctx context.Context) {
	if at, ok := ctx.Value(placeKey{}).(*place); ok {
		at.vouch()
	}
}
