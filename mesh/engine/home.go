package engine

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"tailscale.com/net/netmon"
	"tailscale.com/tailcfg"
	"tailscale.com/wgengine/magicsock"

	"warren/mesh/identity"
)

// homeWait is what the first measurement may take. With UDP it needs one round
// trip, without it seconds.
const homeWait = time.Second

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

// applyRendezvous gives the library its regions. With the first of them it
// begins to look for the nearest.
func (e *Engine) applyRendezvous(was, now *view) {
	m := e.derpMap(now)
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

// derpMap is the library's map of the rendezvous as they are known here.
func (e *Engine) derpMap(v *view) *tailcfg.DERPMap {
	cuts, gone := e.carriers.known()
	return v.derpMap(e.ownDoor(), cuts, gone)
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
