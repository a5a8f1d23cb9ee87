package node

import (
	"context"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"warren/mesh"
	"warren/mesh/identity"
	"warren/node/api"
	"warren/node/client"
)

const (
	// clockWait bounds one question for the time.
	clockWait = 2 * time.Second
	// clockPeers is how many peers are asked beside the controllers.
	clockPeers = 4
)

// clocks asks the controllers on their node port, and some peers in the
// overlay, for the time.
func (l *life) clocks(ctx context.Context) []api.Clock {
	var asked []api.Clock
	var how []func(context.Context) (client.Time, error)
	log := l.view.Now().Log
	ask := func(id identity.NodeID, f func(context.Context) (client.Time, error)) {
		d, _ := log.Device(id)
		asked, how = append(asked, api.Clock{Name: d.Name, Controller: log.IsController(id)}), append(how, f)
	}
	for _, door := range l.doors() {
		ask(door.Node, func(ctx context.Context) (client.Time, error) {
			return client.ControllerTime(ctx, l.key, door.Node, door.Addresses)
		})
	}
	peers := 0
	for _, p := range l.presence.Look(ctx) {
		if !p.Online || log.IsController(p.ID) || peers == clockPeers {
			continue
		}
		peers++
		at := netip.AddrPortFrom(l.mesh.Address(p.ID), mesh.PeerPort)
		ask(p.ID, func(ctx context.Context) (client.Time, error) {
			return client.PeerTime(ctx, func(ctx context.Context) (net.Conn, error) { return l.engine.Dial(ctx, "tcp", at) })
		})
	}
	var g errgroup.Group
	for i, f := range how {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, clockWait)
			defer cancel()
			t, err := f(ctx)
			asked[i].Offset, asked[i].Within, asked[i].Err = t.Offset, t.Within, err
			return nil
		})
	}
	_ = g.Wait()
	return asked
}
