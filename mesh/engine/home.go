package engine

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"tailscale.com/net/netcheck"
	"tailscale.com/net/netmon"
	"tailscale.com/wgengine/magicsock"

	"warren/mesh/identity"
)

const (
	// homeEvery is how often the last measurement is looked at.
	homeEvery = time.Second
	// homeSilence is how long a home that did not answer a measurement has
	// said nothing else either, when it is given up; a measurement takes three
	// seconds where one of those asked is silent.
	homeSilence = 2500 * time.Millisecond
	// homeHold is for how long the library is kept from going back: it
	// believes in a home that it has heard of in the last eight seconds.
	homeHold = 12 * time.Second
	// homeWait is what the first measurement may take. With UDP it needs one
	// round trip, without it seconds.
	homeWait = time.Second
)

// home is the rendezvous where this machine waits for messages.
type home struct {
	mu sync.Mutex
	id identity.NodeID
}

// Home is the rendezvous where others leave messages for this machine, for
// publishing; zero is none. The channel of Endpoints tells when it changes.
func (e *Engine) Home() identity.NodeID {
	e.home.mu.Lock()
	defer e.home.mu.Unlock()
	return e.home.id
}

// onHome is told by the library, one after the other.
func (e *Engine) onHome(c magicsock.HomeDERPChanged) {
	r, _ := e.view.Load().regions.of(c.New)
	e.setHome(r.ID)
}

func (e *Engine) setHome(id identity.NodeID) {
	e.home.mu.Lock()
	was := e.home.id
	e.home.id = id
	e.home.mu.Unlock()
	if was != id {
		e.ends.wake()
	}
}

// keepHome moves away from a home that is gone, sooner than the library does.
func (e *Engine) keepHome(ctx context.Context) {
	tick := time.NewTicker(homeEvery)
	defer tick.Stop()
	var judged *netcheck.Report
	var moved time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !moved.IsZero() && time.Since(moved) > homeHold {
			e.sock.DebugForcePreferDERP(0)
			moved = time.Time{}
		}
		r := e.sock.GetLastNetcheckReport(ctx)
		if r == nil || r == judged {
			continue
		}
		judged = r
		if to := e.refuge(r); to != 0 {
			e.opts.Log.Info("home rendezvous does not answer; moved to another", "node", e.Home().Short())
			e.sock.DebugForcePreferDERP(to)
			e.sock.ForceSetNearestDERP(to)
			moved = time.Now()
		}
	}
}

// refuge is the nearest region to move to where the home is gone; 0 is stay.
func (e *Engine) refuge(r *netcheck.Report) int {
	home := e.Home()
	at := e.view.Load().regions.number[home]
	if home.IsZero() || e.health.GetDERPRegionReceivedTime(at).After(r.Now.Add(-homeSilence)) {
		return 0
	}
	best := 0
	for region, latency := range r.RegionLatency {
		switch {
		case region&^twin == at:
			return 0
		case best == 0 || latency < r.RegionLatency[best]:
			best = region
		}
	}
	return best
}

// CheckHome looks at once whether the home rendezvous still answers, for who
// has heard that it does not.
func (e *Engine) CheckHome() { e.sock.ReSTUN("told that home is down") }

// applyRendezvous gives the library its regions. With the first of them it
// begins to look for the nearest.
func (e *Engine) applyRendezvous(was, now *view) {
	m := now.derpMap(e.ownDoor())
	e.sock.SetDERPMap(m)
	switch {
	case m == nil && len(was.regions.member) > 0:
		e.sock.SetHomeless(true)
		e.setHome(identity.NodeID{})
	case m != nil && len(was.regions.member) == 0:
		e.sock.SetHomeless(false)
		e.homeless = time.AfterFunc(homeWait, e.anyHome)
	}
}

// anyHome takes the home of last time, or any, where the first measurement
// takes long, as it does without UDP. It comes after a moment only: the
// library must not be measuring and be told at the same time.
func (e *Engine) anyHome() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.view.Load()
	if e.closed || !e.Home().IsZero() || len(now.cfg.Rendezvous) == 0 {
		return
	}
	if e.sock.GetLastNetcheckReport(context.Background()) != nil {
		return // measured, and the library is choosing
	}
	first := now.cfg.Rendezvous[0].ID
	for _, r := range now.cfg.Rendezvous {
		if r.ID == now.cfg.Home {
			first = r.ID
		}
	}
	e.sock.ForceSetNearestDERP(now.regions.number[first])
}

// ownDoor is where this machine finds its own rendezvous, if it is one.
func (e *Engine) ownDoor() string {
	host := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if !e.opts.Loopback {
		addrs, _, _ := netmon.LocalAddresses()
		v := e.view.Load()
		for _, a := range addrs {
			if a.Is4() && !v.isOverlay(a) {
				host = a
				break
			}
		}
	}
	return netip.AddrPortFrom(host, e.opts.Port).String()
}
