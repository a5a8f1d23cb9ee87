package port

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"warren/mesh/identity"
)

// Peer is who is at the other end of a request.
type Peer struct {
	ID  identity.NodeID
	Key ed25519.PublicKey
	// Address the connection comes from.
	Address netip.AddrPort
}

type peerKey struct{}

// WithPeer puts p into ctx; handlers behind another door than this one (the
// overlay) use it so that PeerFrom answers alike.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerFrom is the peer of the request's connection.
func PeerFrom(ctx context.Context) (Peer, bool) {
	p, ok := ctx.Value(peerKey{}).(Peer)
	return p, ok
}

// Server is an HTTP/2 server (HTTP/1.1 too) for connections that need no TLS
// of their own, with the bounds every door of a node shares.
func Server(handler http.Handler, connContext func(context.Context, net.Conn) context.Context) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ConnContext:       connContext,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 250,
			SendPingTimeout:      15 * time.Second,
			PingTimeout:          10 * time.Second,
		},
	}
}

// PeerContext is a Server's connContext for connections of a Listener.
func PeerContext(ctx context.Context, c net.Conn) context.Context {
	p, ok := c.(*Conn)
	if !ok {
		return ctx
	}
	from, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	return WithPeer(ctx, Peer{ID: p.id, Key: p.key, Address: from})
}

// Serve runs srv on l until ctx ends; live requests get a second to finish.
func Serve(ctx context.Context, srv *http.Server, l net.Listener) error {
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }() // ends with Close below
	select {
	case err := <-done:
		if ctx.Err() != nil { // the socket went with the rest
			return nil
		}
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		_ = srv.Close()
	}
	<-done // the end was asked for; what it says of its socket is no news
	return nil
}

// Transport speaks HTTP/2 over whatever dial returns, which must already be
// encrypted and authenticated.
func Transport(dial func(ctx context.Context) (net.Conn, error)) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols:       protocols,
		IdleConnTimeout: 2 * time.Minute,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dial(ctx)
		},
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 15 * time.Second,
			PingTimeout:     10 * time.Second,
		},
	}
}
