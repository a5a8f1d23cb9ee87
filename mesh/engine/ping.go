package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"tailscale.com/ipn/ipnstate"

	"warren/mesh/identity"
)

const (
	// pingTimeout bounds a Ping whose context has no deadline.
	pingTimeout = 5 * time.Second
	// pingEvery is when to try all endpoints again. Two ends behind plain
	// NATs meet when both do this at the same time.
	pingEvery = 400 * time.Millisecond
)

// Pong is the answer to a Ping.
type Pong struct {
	// Endpoint is where the answer came from first.
	Endpoint netip.AddrPort
	// Via names the member between, if any.
	Via  string
	RTT  time.Duration
	Kind Kind
}

// Ping asks a peer for a sign of life on all its endpoints at once, and again
// until it answers or ctx ends; without a deadline it gives up after five
// seconds with ErrNoPath. The answer also opens the path for data.
func (e *Engine) Ping(ctx context.Context, id identity.NodeID) (Pong, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pingTimeout)
		defer cancel()
	}
	answers := make(chan *ipnstate.PingResult, 8)
	again := time.NewTicker(pingEvery)
	defer again.Stop()
	for {
		p, ok := e.view.Load().byID[id]
		if !ok {
			return Pong{}, fmt.Errorf("ping %s: %w", id.Short(), ErrUnknownPeer)
		}
		e.sock.Ping(p.node, new(ipnstate.PingResult), 0, func(r *ipnstate.PingResult) {
			select {
			case answers <- r:
			default:
			}
		})
		select {
		case r := <-answers:
			if r.Err != "" {
				return Pong{}, fmt.Errorf("ping %s: %s", id.Short(), r.Err)
			}
			e.tunnels.setSeen(p.key)
			return e.pong(r), nil
		case <-again.C:
		case <-e.wg.Done():
			return Pong{}, fmt.Errorf("ping %s: %w", id.Short(), ErrClosed)
		case <-ctx.Done():
			err := ctx.Err()
			if errors.Is(err, context.DeadlineExceeded) {
				err = ErrNoPath
			}
			return Pong{}, fmt.Errorf("ping %s: %w", id.Short(), err)
		}
	}
}

func (e *Engine) pong(r *ipnstate.PingResult) Pong {
	pong := Pong{RTT: time.Duration(r.LatencySeconds * float64(time.Second))}
	if ep, err := netip.ParseAddrPort(r.Endpoint); err == nil {
		pong.Endpoint = ep
	}
	pong.Kind = e.PathKind(pong.Endpoint)
	return pong
}
