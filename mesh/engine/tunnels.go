package engine

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tailscale.com/ipn/ipnstate"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/wgengine"

	"warren/mesh/identity"
)

const (
	// provedFor is how long an answer through a tunnel is trusted to come
	// again. A peer that began anew has forgotten its keys, and WireGuard
	// alone notices only after 15 s.
	provedFor = 10 * time.Second
	// answerGrace is what a handshake and an answer may take beyond two
	// round trips before the tunnel is begun anew; it doubles each time.
	answerGrace = 50 * time.Millisecond
	// pingBackEvery bounds how often one peer can make us ping it, and
	// quietFor how often if the tunnel has keys: its pings are then a matter
	// of course, every 3 s while it sends.
	pingBackEvery = time.Second
	quietFor      = 30 * time.Second
	// helpFor bounds how long a handshake that traffic began is helped.
	helpFor = 3 * time.Second
	// rejoinAfter is how long a peer that pings us may take to shake hands
	// before we do: it may hold keys that we lost when we began anew.
	rejoinAfter = time.Second
)

// tunnels knows which tunnels work, and helps those that do not yet.
//
// A path is found by the one who pings, for its own direction only, and where
// no server carries messages between two machines the first handshake falls
// into that gap:
//
//	A                                  B
//	| -- disco ping -----------------> |
//	| <------------------------ pong - |  A has a path
//	| -- handshake ------------------> |
//	|        (no path to A)  answer -x |  lost; WireGuard asks again after 5 s
//
// So whoever is pinged pings back (heard), whoever opens a tunnel waits a
// moment for that (open), and begins anew at once if no answer comes.
//
// A machine that restarts has lost its keys, and its peers go on with theirs
// for up to 15 s. Their pings, every 3 s while they send, tell it that they
// want something, and it shakes hands with them itself (rejoin).
type tunnels struct {
	mu       sync.Mutex                   // guards the following
	seen     map[key.NodePublic]time.Time // last authentic message
	proved   map[key.NodePublic]time.Time // last answer through the tunnel
	backed   map[key.NodePublic]time.Time // when we last pinged back
	improved map[key.NodePublic]time.Time // when a better path was looked for
	waiting  map[key.NodePublic]chan struct{}
	opening  map[key.NodePublic]chan struct{} // closed when done
	toHelp   chan key.NodePublic
	toAnswer chan key.NodePublic
}

func newTunnels() *tunnels {
	return &tunnels{
		seen:     make(map[key.NodePublic]time.Time),
		proved:   make(map[key.NodePublic]time.Time),
		backed:   make(map[key.NodePublic]time.Time),
		improved: make(map[key.NodePublic]time.Time),
		waiting:  make(map[key.NodePublic]chan struct{}),
		opening:  make(map[key.NodePublic]chan struct{}),
		toHelp:   make(chan key.NodePublic, 64),
		toAnswer: make(chan key.NodePublic, 64),
	}
}

// note is called by WireGuard, with its locks held, when the keys of a tunnel
// come and go. Handshake is said of the side that begins.
func (t *tunnels) note(k key.NodePublic, state wgengine.PeerWireGuardState) {
	if state != wgengine.PeerWireGuardStateHandshake {
		return
	}
	select {
	case t.toHelp <- k:
	default: // busy; this one goes at WireGuard's own pace
	}
}

// heard is called by magicsock, with its locks held, when a peer pings us.
func (t *tunnels) heard(k key.NodePublic) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[k] = now
	if c, ok := t.waiting[k]; ok {
		close(c)
		delete(t.waiting, k)
	}
	if now.Sub(t.proved[k]) < provedFor || now.Sub(t.backed[k]) < pingBackEvery {
		return
	}
	select {
	case t.toAnswer <- k:
		t.backed[k] = now
	default:
	}
}

// quiet stops pinging back for a while.
func (t *tunnels) quiet(k key.NodePublic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.backed[k] = time.Now().Add(quietFor - pingBackEvery)
}

// nextPing closes when the peer pings us.
func (t *tunnels) nextPing(k key.NodePublic) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.waiting[k]
	if !ok {
		c = make(chan struct{})
		t.waiting[k] = c
	}
	return c
}

func (t *tunnels) works(k key.NodePublic) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.proved[k]) < provedFor
}

func (t *tunnels) setWorks(k key.NodePublic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proved[k] = time.Now()
	t.seen[k] = t.proved[k]
}

func (t *tunnels) setSeen(k key.NodePublic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[k] = time.Now()
}

// mayImprove reports, once in betterAgain, that a path through a member is
// worth waiting for a better one.
func (t *tunnels) mayImprove(k key.NodePublic) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.improved[k]) < betterAgain {
		return false
	}
	t.improved[k] = time.Now()
	return true
}

func (t *tunnels) lastSeen(k key.NodePublic) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen[k]
}

func (t *tunnels) forget(k key.NodePublic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, k)
	delete(t.proved, k)
	delete(t.backed, k)
	delete(t.improved, k)
	delete(t.waiting, k)
}

// enter makes the caller the only one to open the tunnel k, and waits for
// another to finish; leave is its end.
func (t *tunnels) enter(ctx context.Context, k key.NodePublic) error {
	for {
		t.mu.Lock()
		busy, ok := t.opening[k]
		if !ok {
			t.opening[k] = make(chan struct{})
			t.mu.Unlock()
			return nil
		}
		t.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *tunnels) leave(k key.NodePublic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.opening[k])
	delete(t.opening, k)
}

func (t *tunnels) busy(k key.NodePublic) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.opening[k]
	return ok
}

// open makes sure that packets reach p and come back.
func (e *Engine) open(ctx context.Context, p *peer) error {
	if e.tunnels.works(p.key) {
		return nil
	}
	if err := e.tunnels.enter(ctx, p.key); err != nil {
		return fmt.Errorf("open tunnel to %s: %w", p.ID.Short(), err)
	}
	defer e.tunnels.leave(p.key)
	grace := answerGrace
	if self := e.view.Load().cfg.Self; slices.Compare(self[:], p.ID[:]) > 0 {
		// Two handshakes that cross undo each other. One side must be the
		// first to try again.
		grace *= 3
	}
	for first := true; !e.tunnels.works(p.key); first = false {
		theirs := e.tunnels.nextPing(p.key)
		pong, err := e.ping(ctx, p.ID, false)
		if err != nil {
			return err
		}
		if first {
			select {
			case <-theirs:
			case <-time.After(pong.RTT + 10*time.Millisecond):
			}
		}
		answered, err := e.askThrough(ctx, p, 2*pong.RTT+grace)
		if err != nil {
			return err
		}
		if answered {
			e.tunnels.setWorks(p.key)
			break
		}
		e.anew(p.key)
		grace *= 2
	}
	return nil
}

// askThrough sends a packet into the tunnel that the other engine answers by
// itself (TSMP, Tailscale's own protocol, IP protocol 99).
func (e *Engine) askThrough(ctx context.Context, p *peer, wait time.Duration) (bool, error) {
	to, ok := e.reachable(p)
	if !ok {
		return true, nil // nobody to ask; the path alone must do
	}
	answer := make(chan string, 1)
	e.wg.Ping(to, tailcfg.PingTSMP, 0, func(r *ipnstate.PingResult) {
		select {
		case answer <- r.Err:
		default:
		}
	})
	select {
	case text := <-answer:
		if text != "" {
			return false, fmt.Errorf("open tunnel to %s: %s", p.ID.Short(), text)
		}
		return true, nil
	case <-time.After(wait):
		return false, nil
	case <-e.wg.Done():
		return false, fmt.Errorf("open tunnel to %s: %w", p.ID.Short(), ErrClosed)
	case <-ctx.Done():
		return false, fmt.Errorf("open tunnel to %s: %w", p.ID.Short(), ctx.Err())
	}
}

// reachable is an address of p in a family that we have an address in.
func (e *Engine) reachable(p *peer) (netip.Addr, bool) {
	own := e.view.Load().cfg.Addresses
	for _, a := range p.Addresses {
		for _, o := range own {
			if o.Addr().Is4() == a.Is4() {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}

// help serves tunnels until ctx ends and all helpers have.
func (e *Engine) help(ctx context.Context) {
	var helpers sync.WaitGroup
	defer helpers.Wait()
	for {
		select {
		case k := <-e.tunnels.toAnswer:
			p, ok := e.view.Load().byKey[k]
			if !ok {
				continue
			}
			e.sock.Ping(p.node, new(ipnstate.PingResult), 0, func(*ipnstate.PingResult) {})
			if e.hasKeys(k) {
				e.tunnels.quiet(k)
			} else {
				helpers.Go(func() { e.rejoin(ctx, p) })
			}
		case k := <-e.tunnels.toHelp:
			p, ok := e.view.Load().byKey[k]
			if !ok || e.tunnels.busy(k) {
				continue
			}
			helpers.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, helpFor)
				defer cancel()
				// Without success WireGuard goes on at its own pace.
				_ = e.open(ctx, p)
			})
		case <-ctx.Done():
			return
		}
	}
}

// rejoin opens the tunnel to p, unless p does.
func (e *Engine) rejoin(ctx context.Context, p *peer) {
	select {
	case <-time.After(rejoinAfter):
	case <-ctx.Done():
		return
	}
	if e.hasKeys(p.key) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, helpFor)
	defer cancel()
	_ = e.open(ctx, p) // the next ping is the next chance
}

func (e *Engine) hasKeys(k key.NodePublic) bool {
	s, ok := e.wg.PeerByKey(k)
	return ok && !s.LastHandshake().IsZero()
}

// Open makes sure that packets reach a peer and come back: it finds a path,
// sees to the handshake, and waits for an answer through the tunnel. Dial does
// so by itself; users of ListenPacket may want to before they send. It costs
// one round trip where the tunnel has not been used for ten seconds.
func (e *Engine) Open(ctx context.Context, id identity.NodeID) error {
	p, ok := e.view.Load().byID[id]
	if !ok {
		return fmt.Errorf("open tunnel to %s: %w", id.Short(), ErrUnknownPeer)
	}
	return e.open(ctx, p)
}
