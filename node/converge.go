package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/plan"
)

const (
	// factsPause collects endpoint changes: in a large mesh somebody always
	// moves, and every plan costs milliseconds.
	factsPause = 200 * time.Millisecond
	// lookAgain bounds how long a plan that changes with time alone is
	// trusted: a clock that is set forward wakes no timer.
	lookAgain = 5 * time.Minute
)

// watch applies the plan whenever what it follows from has changed: at once
// for what is agreed on; for endpoints at once too, but not more often than
// every factsPause.
func (l *life) watch(ctx context.Context) error {
	for {
		agreed, facts := l.view.Watch(), l.view.Facts().Watch()
		if err := l.converge(); err != nil {
			return err
		}
		done := time.Now()
		wait := lookAgain
		if p := l.now(); !p.Until.IsZero() {
			wait = max(0, min(wait, time.Until(p.Until)))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-agreed:
			l.view.Facts().Prune()
		case <-time.After(wait):
		case <-facts:
			select {
			case <-ctx.Done():
				return nil
			case <-agreed:
			case <-time.After(factsPause - time.Since(done)):
			}
		}
	}
}

// converge computes the plan and gives every room its part. A room that fails
// keeps what it had; the others still converge.
func (l *life) converge() error {
	now := l.view.Now()
	if now.Log == nil {
		return nil
	}
	p, err := plan.For(plan.View{
		Revision: now.Revision, Log: now.Log, Policy: now.Policy,
		Keys: l.view.Facts().Keys, Endpoints: l.view.Facts().Endpoints, Now: time.Now(),
	}, plan.Self{ID: l.key.ID()})
	if errors.Is(err, plan.ErrNotMember) {
		return fault.New(fault.Invalid, "the state folder %s does not fit together: the mesh has no record of node %s", l.cfg.Dir, l.key.ID().Short()).
			Try("restore it from a backup, or warren leave and join anew")
	}
	if err != nil {
		return err
	}
	l.plan.Store(&p)
	if err := l.engine.Apply(p.Mesh); err != nil {
		l.log.Error("overlay did not take the plan", "err", err)
	}
	if l.broker != nil {
		l.broker.Apply(p.Session)
	}
	l.gossip.apply(now, p)
	if l.rendezvous != nil {
		l.rendezvous.Apply(p.Mesh)
	}
	l.port.Recheck()
	if l.replica != nil {
		l.replica.layer.recheck()
	}
	return nil
}

// announce states this machine's keys once and its endpoints whenever they
// change, into its own view and to the controllers.
func (l *life) announce(ctx context.Context) error {
	tunnel, err := l.home.EnsureTunnel()
	if err != nil {
		return err
	}
	wg, disco, err := tunnel.Keys()
	if err != nil {
		return err
	}
	held, ok := l.view.Facts().Keys(l.key.ID())
	if !ok || held.WireGuard != [32]byte(wg.PublicKey().Bytes()) || held.Disco != [32]byte(disco.PublicKey().Bytes()) {
		keys, err := identity.SignKeys(l.key, l.mesh, wg, disco, max(tunnel.Counter, held.Counter+1), time.Now())
		if err != nil {
			return err
		}
		if _, err := l.view.Facts().Merge(keys); err != nil {
			return fmt.Errorf("state own keys: %w", err)
		}
		l.gossip.Say(keys)
	}
	for {
		addresses, changed := l.engine.Endpoints()
		if where, news := l.where(addresses); news {
			s, err := where.Sign(l.key, l.mesh)
			if err != nil {
				return err
			}
			if _, err := l.view.Facts().Merge(s); err != nil {
				l.log.Warn("own endpoints were not accepted", "err", err)
			}
			l.gossip.Say(s)
			l.follower.tell()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
