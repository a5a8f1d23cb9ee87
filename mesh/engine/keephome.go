package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"tailscale.com/types/key"

	"warren/mesh/identity"
)

const (
	// homeTick is how often the keeper looks up.
	homeTick = time.Second
	// echoEvery is how often the home is asked.
	echoEvery = 2 * time.Second
	// patience is what an answer may take; a tick is not on time to the
	// millisecond.
	patience = echoEvery - 200*time.Millisecond
	// refugesAtOnce are asked each second while the home does not answer, the
	// nearest first. refugeRest is the pause once all were asked in vain.
	refugesAtOnce = 3
	refugeRest    = 10 * time.Second
	// homeHold is for how long the library is kept from going back: it
	// believes in a home that it has heard of in the last eight seconds.
	homeHold = 12 * time.Second
	// goneFirst is when a home that was left is asked again; it doubles up to
	// goneLast.
	goneFirst, goneLast = 15 * time.Second, 5 * time.Minute
)

// echo is what this machine sends itself. Neither WireGuard nor disco begins
// so, and it goes no further than onRelayed.
const echo = "warren: do you carry packets?"

// carriers is what is known of the rendezvous as carriers of packets, by the
// number of their regions.
type carriers struct {
	mu    sync.Mutex // guards the following
	heard map[int]time.Time
	gone  map[int]absent
	cuts  map[int]int // how often the connection was cut off

	echoes chan int // where an echo came from
	left   chan int // regions that a peer has left
}

// absent is a home that was left and has not answered since.
type absent struct {
	ask  time.Time // when it is asked again
	wait time.Duration
}

func newCarriers() *carriers {
	return &carriers{
		heard: map[int]time.Time{}, gone: map[int]absent{}, cuts: map[int]int{},
		echoes: make(chan int, 64), left: make(chan int, 64),
	}
}

// onRelayed sees each packet that comes over a rendezvous' TLS, path discovery
// apart. It reports that a packet goes no further.
func (e *Engine) onRelayed(region int, from key.NodePublic, _ []byte) bool {
	c := e.carriers
	c.mu.Lock()
	c.heard[region] = time.Now()
	c.mu.Unlock()
	if from != e.public {
		return false
	}
	select {
	case c.echoes <- region:
	default: // many wait already
	}
	return true
}

func (c *carriers) lastHeard(region int) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard[region]
}

func (c *carriers) isGone(region int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, gone := c.gone[region]
	return gone
}

// due are those gone that are to be asked again, ever more rarely.
func (c *carriers) due(now time.Time) (out []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for region, g := range c.gone {
		if now.After(g.ask) {
			g.wait = min(2*g.wait, goneLast)
			c.gone[region] = absent{now.Add(g.wait), g.wait}
			out = append(out, region)
		}
	}
	return out
}

// known are copies, for the library's map.
func (c *carriers) known() (cuts map[int]int, gone map[int]absent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.cuts), maps.Clone(c.gone)
}

// peerMoved is told by Apply. The library may go on sending to the peer by a
// connection to its old home that has been dead for long.
func (e *Engine) peerMoved(from identity.NodeID) {
	region := e.view.Load().regions.number[from]
	if region == 0 {
		return
	}
	select {
	case e.carriers.left <- region:
	default: // the keeper has much to ask
	}
}

// remap changes what is known of a region and tells the library.
func (e *Engine) remap(change func(*carriers)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.carriers.mu.Lock()
	change(e.carriers)
	e.carriers.mu.Unlock()
	if m := e.derpMap(e.view.Load()); m != nil && !e.closed {
		e.sock.SetDERPMapWithoutReSTUN(m)
	}
}

// keeper sees that the home carries packets, and moves to another where it
// does not. Only a packet proves that:
//
//	this machine -- echo, to itself --> home
//	             <----- the same ------
//
// The library judges by STUN, and without UDP by ICMP, which the host of a
// process that has died goes on answering; and a connection to a home without
// power looks well for minutes.
type keeper struct {
	e      *Engine
	home   int               // its region
	asked  map[int]time.Time // who was asked, and has not answered since
	last   time.Time         // when the home was asked last
	silent bool              // the home is
	next   []int             // who is asked for refuge next
	rest   time.Time         // until when nobody is
	moved  time.Time         // when the library was last told where home is
}

// keepHome runs until ctx ends.
func (e *Engine) keepHome(ctx context.Context) {
	k := &keeper{e: e, asked: map[int]time.Time{}}
	tick := time.NewTicker(homeTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case region := <-e.carriers.echoes:
			k.answered(region)
		case region := <-e.carriers.left:
			k.ask(region)
		case <-tick.C:
			k.tick(time.Now())
		}
	}
}

func (k *keeper) tick(now time.Time) {
	if !k.moved.IsZero() && now.Sub(k.moved) > homeHold {
		k.e.sock.DebugForcePreferDERP(0)
		k.moved = time.Time{}
	}
	for _, region := range k.e.carriers.due(now) {
		k.connect(region)
		k.ask(region)
	}
	v := k.e.view.Load()
	if at := v.regions.number[k.e.Home()]; at != k.home {
		k.home, k.last = at, time.Time{}
		delete(k.asked, at)
	}
	k.judge(now)
	switch {
	case k.home == 0:
	case k.silent:
		k.seekRefuge(v, now)
		k.ask(k.home)
	case now.Sub(k.last) >= patience:
		k.ask(k.home)
	}
}

// judge goes through those that were asked.
func (k *keeper) judge(now time.Time) {
	was := k.silent
	k.silent = false
	for region, since := range k.asked {
		switch {
		case k.e.carriers.lastHeard(region).After(since):
			delete(k.asked, region)
		case now.Sub(since) < patience:
		case region == k.home:
			k.silent = true
		default:
			// Nothing more goes into a dead connection.
			delete(k.asked, region)
			k.cut(region)
		}
	}
	if k.silent && !was {
		k.next, k.rest = nil, time.Time{}
	}
}

// seekRefuge asks others.
func (k *keeper) seekRefuge(v *view, now time.Time) {
	if now.Before(k.rest) {
		return
	}
	if len(k.next) == 0 {
		// The home may be well and the connection dead, as after a restart of
		// a router.
		k.cut(k.home)
		k.e.sock.ForceSetNearestDERP(k.home)
		k.next = k.refuges(v)
	}
	n := min(refugesAtOnce, len(k.next))
	for _, region := range k.next[:n] {
		k.connect(region)
		k.ask(region)
	}
	if k.next = k.next[n:]; len(k.next) == 0 {
		// It may well be this machine's network, and not theirs.
		k.rest = now.Add(refugeRest)
	}
}

// answered is told that a packet came back.
func (k *keeper) answered(region int) {
	delete(k.asked, region)
	if k.e.carriers.isGone(region) {
		k.e.remap(func(c *carriers) { delete(c.gone, region) })
	}
	if region == k.home {
		k.silent = false
	}
	if _, ok := k.e.view.Load().regions.of(region); !ok || !k.silent {
		return
	}
	was := k.home
	k.e.opts.Log.Info("home rendezvous does not answer; moved to another", "node", k.e.Home().Short())
	k.e.sock.DebugForcePreferDERP(region)
	k.e.sock.ForceSetNearestDERP(region)
	now := time.Now()
	k.e.remap(func(c *carriers) {
		c.cuts[was]++
		c.gone[was] = absent{now.Add(goneFirst), goneFirst}
	})
	delete(k.asked, was)
	k.home, k.silent, k.last, k.moved = region, false, now, now
}

// refuges are the other rendezvous, the nearest first.
func (k *keeper) refuges(v *view) []int {
	var out []int
	for region := range v.regions.member {
		if region != k.home {
			out = append(out, region)
		}
	}
	far := k.e.sock.GetDERPRegionLatency()
	distance := func(region int) time.Duration {
		if d, measured := far[region]; measured {
			return d
		}
		return time.Hour
	}
	slices.SortFunc(out, func(a, b int) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a, b))
	})
	return out
}

// ask sends this machine a packet through a region, by the connection there is.
// Where there is none the library takes another, so that nothing is learnt. It
// does not wait, and what is lost is not heard.
func (k *keeper) ask(region int) {
	now := time.Now()
	if _, waits := k.asked[region]; !waits {
		k.asked[region] = now
	}
	if region == k.home {
		k.last = now
	}
	_, _ = k.e.sock.SendDERPPacketTo(k.e.public, region, []byte(echo))
}

// connect makes a connection where there is none. A packet to nobody does.
func (k *keeper) connect(region int) {
	_, _ = k.e.sock.SendDERPPacketTo(key.NodePublic{}, region, []byte(echo))
}

// cut makes the library hang up, and connect anew when it has something to
// send.
func (k *keeper) cut(region int) {
	k.e.remap(func(c *carriers) { c.cuts[region]++ })
}
