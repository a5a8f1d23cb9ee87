package node

import (
	"context"
	"net/netip"
	"slices"

	"warren/mesh/lan"
)

// callOut finds peers in the networks this machine is in, and is found there.
// With --loopback nothing is called.
func (l *life) callOut(ctx context.Context) error {
	if l.cfg.Up.Loopback {
		return nil
	}
	beacon, err := lan.New(lan.Config{
		Mesh: l.mesh, Own: l.facts, Changed: l.view.Facts().Watch, Take: l.view.Facts().Merge,
		Missing: l.lonely, Ours: l.overlay, Log: l.log,
	})
	if err != nil {
		return err
	}
	return beacon.Run(ctx)
}

// lonely reports whether no controller tells this machine where the others
// are. A controller with a leader is told.
func (l *life) lonely() bool {
	if l.replica != nil {
		_, led := l.replica.store.Leader()
		return !led
	}
	for _, c := range l.controllers(context.Background()) {
		if c.Reachable && c.ID != l.key.ID() {
			return false
		}
	}
	return true
}

// overlay reports whether an address is one of the overlay's.
func (l *life) overlay(a netip.Addr) bool {
	return slices.ContainsFunc(l.now().Mesh.Routes, func(p netip.Prefix) bool { return p.Contains(a) })
}
