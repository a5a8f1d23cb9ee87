package gossip

import (
	"context"
	"crypto/rand"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/engine"
	"warren/mesh/filter"
	"warren/mesh/identity"
)

// tunnelled is a member behind a real tunnel on loopback.
type tunnelled struct {
	key    identity.NodeKey
	engine *engine.Engine
	pool   *Pool
	stop   context.CancelFunc
	ended  chan error
	tunnel context.CancelFunc
	down   chan error

	mu   sync.Mutex
	told []*warrenv1.Statement
}

func (m *tunnelled) has(s *warrenv1.Statement) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.told, func(o *warrenv1.Statement) bool {
		return identity.HashOf(o) == identity.HashOf(s)
	})
}

func random32(t *testing.T) (b [32]byte) {
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOverTunnels: the pool over the sockets it is made for, in real time.
func TestOverTunnels(t *testing.T) {
	const n = 4
	f := newFleet(t, n, 50)
	var all []*tunnelled
	for i := range n {
		e, err := engine.New(engine.Options{Loopback: true, WireGuard: random32(t), Disco: random32(t)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		m := &tunnelled{key: f.keys[i], engine: e, tunnel: cancel, down: make(chan error, 1)}
		go func() { m.down <- e.Run(ctx) }()
		all = append(all, m)
	}
	defer func() {
		for _, m := range all {
			m.tunnel()
			if err := <-m.down; err != nil {
				t.Error(err)
			}
		}
	}()
	began := time.Now()
	for _, m := range all {
		m.join(t, f, all)
	}
	await := func(limit time.Duration, what string, ok func(*tunnelled) bool) time.Duration {
		t.Helper()
		began := time.Now()
		for !allOf(all, ok) {
			if time.Since(began) > limit {
				for i, m := range all {
					t.Logf("machine %d: %+v %+v", i, m.pool.Stats(), m.pool.Picture())
				}
				t.Fatalf("%s: not within %v", what, limit)
			}
			time.Sleep(20 * time.Millisecond)
		}
		return time.Since(began)
	}
	up := func(m *tunnelled) (n int) {
		for _, p := range m.pool.Picture() {
			if p.Online {
				n++
			}
		}
		return n
	}
	await(20*time.Second, "join", func(m *tunnelled) bool { return up(m) == n-1 })
	join := time.Since(began)
	s, long := f.endpointsOf(1, 4, false), f.endpointsOf(2, 4, true)
	for i, s := range []*warrenv1.Statement{s, long} {
		m := all[i+1]
		m.mu.Lock()
		m.told = append(m.told, s)
		m.mu.Unlock()
		if err := m.pool.Broadcast(s); err != nil {
			t.Fatal(err)
		}
	}
	spread := await(5*time.Second, "statements", func(m *tunnelled) bool { return m.has(s) && m.has(long) })
	all[3].stop()
	if err := <-all[3].ended; err != nil {
		t.Error(err)
	}
	all[3].tunnel()
	<-all[3].down
	all[3].down <- nil
	all = all[:3]
	left := await(5*time.Second, "one left", func(m *tunnelled) bool { return up(m) == n-2 })
	for _, m := range all {
		m.stop()
		if err := <-m.ended; err != nil {
			t.Error(err)
		}
	}
	t.Logf("join %v, statements %v, leaving known %v", join, spread, left)
}

func allOf(all []*tunnelled, ok func(*tunnelled) bool) bool {
	return !slices.ContainsFunc(all, func(m *tunnelled) bool { return !ok(m) })
}

// join gives m its plan and starts its pool.
func (m *tunnelled) join(t *testing.T, f *fleet, all []*tunnelled) {
	t.Helper()
	self := m.key.ID()
	own := f.mesh.Address(self)
	overlay, here := []netip.Prefix{f.mesh.Prefix()}, []netip.Prefix{netip.PrefixFrom(own, 128)}
	c := engine.Config{
		Self: self, Mesh: f.mesh, Addresses: here, Routes: overlay,
		Filter: &filter.Rules{List: []filter.Rule{
			{Srcs: overlay, Dsts: here, Protocol: filter.TCP, Ports: filter.Port(mesh.GossipPort)},
			{Srcs: overlay, Dsts: here, Protocol: filter.UDP, Ports: filter.Port(mesh.GossipPort)},
		}},
	}
	var peers []identity.NodeID
	for _, o := range all {
		if o == m {
			continue
		}
		id := o.key.ID()
		eps, _ := o.engine.Endpoints()
		c.Peers = append(c.Peers, mesh.Peer{
			ID: id, WireGuard: o.engine.WireGuardPublic(), Disco: o.engine.DiscoPublic(),
			Addresses: []netip.Addr{f.mesh.Address(id)}, Endpoints: eps,
		})
		peers = append(peers, id)
	}
	if err := m.engine.Apply(c); err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(own, mesh.GossipPort)
	packets, err := m.engine.ListenPacket(at)
	if err != nil {
		t.Fatal(err)
	}
	streams, err := m.engine.Listen(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	m.pool, err = New(Config{
		Key: m.key, Mesh: f.mesh, Packets: packets, Streams: streams,
		Dial: func(ctx context.Context, peer identity.NodeID) (net.Conn, error) {
			return m.engine.Dial(ctx, "tcp", netip.AddrPortFrom(f.mesh.Address(peer), mesh.GossipPort))
		},
		Member: func(id identity.NodeID) bool { return slices.Contains(f.ids, id) },
		Facts:  func() []*warrenv1.Statement { m.mu.Lock(); defer m.mu.Unlock(); return slices.Clone(m.told) },
		Merge: func(s *warrenv1.Statement) (bool, error) {
			if m.has(s) {
				return false, nil
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			m.told = append(m.told, s)
			return true, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.pool.Apply(State{Peers: peers, Head: headOf(1)})
	ctx, cancel := context.WithCancel(context.Background())
	m.stop, m.ended = cancel, make(chan error, 1)
	go func() { m.ended <- m.pool.Run(ctx) }()
}
