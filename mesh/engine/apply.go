package engine

import (
	"errors"
	"fmt"
	"slices"

	"tailscale.com/net/dns"
	"tailscale.com/tailcfg"
	"tailscale.com/wgengine"
	"tailscale.com/wgengine/router"
	"tailscale.com/wgengine/wgcfg"

	"warren/mesh/filter"
)

// Apply makes the engine be cfg. It compares with what runs and touches only
// what differs, so that it may be called as often as one likes. What cannot
// be applied, a peer with another's key, say, is left out and reported; the
// rest takes effect all the same.
func (e *Engine) Apply(cfg Config) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	cfg, bad := normalise(cfg, e.WireGuardPublic(), e.opts.Loopback)
	errs := []error{bad}
	was := e.view.Load()
	now := newView(cfg, e.public, was)

	// The look-ups change first: a removed peer gets no further packet while
	// the rest is being undone.
	e.view.Store(now)
	for id, p := range was.byID {
		if q, ok := now.byID[id]; !ok || q.key != p.key {
			e.sync(p.key)
			e.tunnels.forget(p.key)
		}
	}
	filtered, err := e.applyFilter(was, now)
	errs = append(errs, err)
	errs = append(errs, e.applySelf(was, now))
	e.applyRendezvous(was, now)
	e.applyPeers(was, now)
	if filtered {
		// Last, so that no packet is still under way between the old rules
		// and the list of what they let in.
		e.guard.flows.review(now.cfg.Filter)
	}
	e.ends.refresh()
	return errors.Join(errs...)
}

func (e *Engine) applySelf(was, now *view) error {
	var errs []error
	if !was.self.Equal(now.self) {
		e.wg.SetSelfNode(now.self)
	}
	err := e.wg.Reconfig(
		&wgcfg.Config{PrivateKey: e.key, Addresses: now.cfg.Addresses},
		&router.Config{LocalAddrs: now.cfg.Addresses, Routes: now.cfg.Routes},
		&dns.Config{},
	)
	if err != nil && !errors.Is(err, wgengine.ErrNoChanges) {
		errs = append(errs, fmt.Errorf("configure wireguard: %w", err))
	}
	if !slices.Equal(was.cfg.Addresses, now.cfg.Addresses) {
		errs = append(errs, e.stack.setAddresses(now.cfg.Addresses))
	}
	return errors.Join(errs...)
}

// applyPeers tells magicsock. Keys may move between peers, and magicsock
// refuses a key that it still knows under another number: so old ones go first.
func (e *Engine) applyPeers(was, now *view) {
	for id, p := range was.byID {
		if q, ok := now.byID[id]; !ok || q.key != p.key {
			e.sock.RemovePeer(p.node.ID())
		}
	}
	selfChanged := !was.self.Equal(now.self)
	if selfChanged {
		all := make([]tailcfg.NodeView, 0, len(now.byID))
		for _, p := range now.byID {
			all = append(all, p.node)
		}
		e.sock.SetNetworkMap(now.self, all)
	}
	for id, p := range now.byID {
		old, known := was.byID[id]
		if old == p {
			continue
		}
		if !selfChanged {
			e.sock.UpsertPeer(p.node)
		}
		if known && old.Home != p.Home && e.hasKeys(p.key) {
			e.peerMoved(old.Home)
		}
		switch {
		case known && old.key == p.key && old.Disco != p.Disco:
			// Another disco key means that it began anew, without sessions.
			e.anew(p.key)
			e.tunnels.forget(p.key)
		case known && !slices.Equal(old.allowed, p.allowed):
			e.sync(p.key)
		}
	}
}

// applyFilter reports whether the rules changed.
func (e *Engine) applyFilter(was, now *view) (bool, error) {
	if was.cfg.Filter != nil && was.cfg.Filter.Equal(now.cfg.Filter) &&
		slices.Equal(was.cfg.Addresses, now.cfg.Addresses) && was.sameRelays(now) {
		return false, nil
	}
	before := e.wg.GetFilter()
	if !now.cfg.Filter.Covers(was.cfg.Filter) {
		before = nil
	}
	f, err := filter.Compile(now.cfg.Filter, now.cfg.Addresses, before, now.capabilities()...)
	if err != nil {
		return false, fmt.Errorf("compile packet rules: %w", err)
	}
	e.wg.SetFilter(f)
	e.sock.SetFilter(f)
	return true, nil
}
