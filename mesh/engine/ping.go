package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tailscale.com/ipn/ipnstate"
	"tailscale.com/tailcfg"

	"warren/mesh/identity"
)

const (
	// pingTimeout bounds a Ping whose context has no deadline.
	pingTimeout = 5 * time.Second
	// pingEvery is when to try all endpoints again. Two ends behind plain
	// NATs meet when both do this at the same time.
	pingEvery = 400 * time.Millisecond
	// pingSoon is pingEvery while a better path may come up at any moment.
	pingSoon = 50 * time.Millisecond
	// betterWithin is how long a better path than one through a member may
	// take to be found, once the member has answered: both ends tell each
	// other their addresses and open their NATs.
	betterWithin = 600 * time.Millisecond
	// betterAgain is how long a path through a member is then taken as it is.
	betterAgain = 20 * time.Second
)

// Pong is the answer to a Ping.
type Pong struct {
	// Endpoint is where the answer came from, a packet relay's address where
	// it came through one; invalid where it came over a rendezvous' TLS.
	Endpoint netip.AddrPort
	// Via names the member between, if any.
	Via  string
	RTT  time.Duration
	Kind Kind
}

// worse orders answers: straight ones first, TLS last, then the slower.
func (p Pong) worse(q Pong) int {
	rank := map[Kind]int{KindMemberUDP: 1, KindMemberTLS: 2, KindNone: 3}
	return cmp.Or(cmp.Compare(rank[p.Kind], rank[q.Kind]), cmp.Compare(p.RTT, q.RTT))
}

// Ping asks a peer for a sign of life on all its endpoints at once, and again
// until it answers or ctx ends; without a deadline it gives up after five
// seconds with ErrNoPath. The answer also opens the path for data. Where it
// comes through a member, a better path is looked for before that is told.
func (e *Engine) Ping(ctx context.Context, id identity.NodeID) (Pong, error) {
	return e.ping(ctx, id, true)
}

func (e *Engine) ping(ctx context.Context, id identity.NodeID, patient bool) (Pong, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pingTimeout)
		defer cancel()
	}
	answers := make(chan *ipnstate.PingResult, 8)
	again := time.NewTicker(pingEvery)
	defer again.Stop()
	best := Pong{Kind: KindNone}
	var settled <-chan time.Time
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
		for waiting := true; waiting; {
			select {
			case r := <-answers:
				if r.Err != "" {
					return Pong{}, fmt.Errorf("ping %s: %s", id.Short(), r.Err)
				}
				e.tunnels.setSeen(p.key)
				pong := e.pong(r)
				if pong.Via == "" || !patient {
					return pong, nil
				}
				if best.Kind == KindNone {
					settled = time.After(e.better(p, pong))
					again.Reset(pingSoon)
				}
				if best.worse(pong) > 0 {
					best = pong
				}
			case <-settled:
				return best, nil
			case <-again.C:
				waiting = false
			case <-e.wg.Done():
				return Pong{}, fmt.Errorf("ping %s: %w", id.Short(), ErrClosed)
			case <-ctx.Done():
				if best.Kind != KindNone {
					return best, nil
				}
				err := ctx.Err()
				if errors.Is(err, context.DeadlineExceeded) {
					err = ErrNoPath
				}
				return Pong{}, fmt.Errorf("ping %s: %w", id.Short(), err)
			}
		}
	}
}

// better says how long to wait for a better path than through a member. The
// library looks for one when there is something to carry, so it gets that.
func (e *Engine) better(p *peer, through Pong) time.Duration {
	if !e.tunnels.mayImprove(p.key) {
		return through.RTT/2 + 20*time.Millisecond // what races it
	}
	if to, ok := e.reachable(p); ok {
		e.wg.Ping(to, tailcfg.PingTSMP, 0, func(*ipnstate.PingResult) {})
	}
	return 2*through.RTT + betterWithin
}

func (e *Engine) pong(r *ipnstate.PingResult) Pong {
	pong := Pong{RTT: time.Duration(r.LatencySeconds * float64(time.Second))}
	regions := e.view.Load().regions
	switch {
	case r.DERPRegionID != 0:
		m, _ := regions.of(r.DERPRegionID)
		pong.Kind, pong.Via = KindMemberTLS, memberName(m.Name)
	case r.PeerRelay != "":
		pong.Kind, pong.Endpoint = KindMemberUDP, relayAddress(r.PeerRelay)
		pong.Via = memberName(regions.relayAt(pong.Endpoint).Name)
	default:
		pong.Endpoint, _ = netip.ParseAddrPort(r.Endpoint)
		pong.Kind = e.PathKind(pong.Endpoint)
	}
	return pong
}

// memberName names a member that has just ceased to be a rendezvous.
func memberName(name string) string { return cmp.Or(name, "a member") }

// relayAddress reads the library's "ADDRESS:PORT:vni:NUMBER".
func relayAddress(text string) netip.AddrPort {
	at, _, _ := strings.Cut(text, ":vni:")
	ap, _ := netip.ParseAddrPort(at)
	return ap
}
