package engine

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"warren/mesh"
	"warren/mesh/identity"
	"warren/mesh/rendezvous"
)

// member is a machine that is a rendezvous.
type member struct {
	*machine
	server *rendezvous.Server
	offer  mesh.Rendezvous
	stop   func()
}

// host starts a machine and makes it a rendezvous, as a node does.
func host(t *testing.T, n byte, name string) *member {
	t.Helper()
	for try := 0; ; try++ {
		m := start(t, n, Options{Loopback: true})
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", m.Port()))
		if err == nil {
			r := &member{machine: m}
			if err = r.serve(l, name); err == nil {
				return r
			}
			l.Close()
		}
		m.end()
		if try == 50 {
			t.Fatal(err)
		}
	}
}

func (m *member) serve(l net.Listener, name string) error {
	key, err := identity.NewNodeKey()
	if err != nil {
		return err
	}
	cert, err := identity.Certificate(key)
	if err != nil {
		return err
	}
	cfg := rendezvous.Config{Port: m.Port(), Loopback: true, Self: m.WireGuardPublic(), Disco: m.DiscoPublic(), Log: m.opts.Log}
	if m.server, err = rendezvous.New(cfg); err != nil {
		return err
	}
	m.offer = mesh.Rendezvous{
		ID: m.id, Name: name, Certificate: sha256.Sum256(cert.Certificate[0]),
		Doors: []string{l.Addr().String()}, STUN: cfg.STUN(),
		Relay: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), cfg.Relay())},
	}
	ctx, cancel := context.WithCancel(context.Background())
	served, relayed := make(chan error, 1), make(chan error, 1)
	doors := tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
	go func() { served <- m.server.Run(ctx, doors) }()
	go func() { relayed <- m.ServeRelay(ctx, m.server.Allocate) }()
	stopped := false
	m.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for _, c := range []chan error{served, relayed} {
			if err := <-c; err != nil {
				m.t.Errorf("rendezvous: %v", err)
			}
		}
	}
	m.t.Cleanup(m.stop)
	return nil
}

// meet makes m know the rendezvous, and others by their homes alone.
func (m *machine) meet(hosts []*member, others ...*machine) {
	m.t.Helper()
	c := m.config(allowAll(), others...)
	for i, o := range others {
		// The library sends a call only to who has an endpoint at all.
		c.Peers[i].Endpoints, c.Peers[i].Home = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}, o.Home()
	}
	for _, h := range hosts {
		if h.machine != m {
			c.Peers = append(c.Peers, h.peer())
		}
		c.Rendezvous = append(c.Rendezvous, h.offer)
	}
	slices.SortFunc(c.Rendezvous, func(a, b mesh.Rendezvous) int { return slices.Compare(a.ID[:], b.ID[:]) })
	if err := m.Apply(c); err != nil {
		m.t.Fatal(err)
	}
}

func (m *member) knows(hosts []*member, others ...*machine) {
	m.t.Helper()
	m.meet(hosts, others...)
	for _, h := range hosts {
		others = append(others, h.machine)
	}
	m.server.Apply(m.config(nil, others...))
}

// atHome waits until m has a home among hosts.
func (m *machine) atHome(hosts ...*member) *member {
	m.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, h := range hosts {
			if m.Home() == h.id {
				return h
			}
		}
	}
	m.t.Fatalf("home is %s", m.Home())
	return nil
}

// TestMeetThroughARendezvous lets two machines meet that know of each other
// only where they wait for messages.
func TestMeetThroughARendezvous(t *testing.T) {
	hq := host(t, 1, "hq")
	a, b := start(t, 2, Options{Loopback: true}), start(t, 3, Options{Loopback: true})
	all := []*member{hq}
	hq.knows(all, a, b)
	a.meet(all)
	b.meet(all)
	a.atHome(hq)
	b.atHome(hq)
	begin := time.Now()
	a.meet(all, b)
	b.meet(all, a)
	pong, err := a.Ping(within(t, 10*time.Second), b.id)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("met after %v: %+v", time.Since(begin), pong)
	if pong.Kind != KindLAN || pong.Via != "" || !pong.Endpoint.Addr().IsLoopback() {
		t.Errorf("met by %+v, want straight over loopback", pong)
	}
	b.echo(b.at(2200))
	a.mustSay(b.at(2200), "hello")
	for _, m := range []*machine{a, b, hq.machine} {
		eps, _ := m.Endpoints()
		for _, ep := range eps {
			if !ep.Addr().IsLoopback() {
				t.Errorf("%s publishes %s", m.id.Short(), ep)
			}
		}
	}
}

// TestHomeMovesWhenItDies has two rendezvous and ends the one that is home.
func TestHomeMovesWhenItDies(t *testing.T) {
	one, two := host(t, 1, "one"), host(t, 2, "two")
	a, b := start(t, 3, Options{Loopback: true}), start(t, 4, Options{Loopback: true})
	all := []*member{one, two}
	one.knows(all, a, b)
	two.knows(all, a, b)
	a.meet(all)
	b.meet(all)
	home := a.atHome(all...)
	other := one
	if home == one {
		other = two
	}
	_, changed := a.Endpoints()
	begin := time.Now()
	home.stop()
	home.end()
	a.atHome(other)
	t.Logf("moved after %v", time.Since(begin))
	select {
	case <-changed:
	default:
		t.Error("nobody was told of the new home")
	}
	b.atHome(other)
	a.meet([]*member{other}, b)
	b.meet([]*member{other}, a)
	if pong, err := a.Ping(within(t, 10*time.Second), b.id); err != nil {
		t.Errorf("after the move: %+v, %v", pong, err)
	}
}

// TestRendezvousComeAndGo goes back to a mesh without any.
func TestRendezvousComeAndGo(t *testing.T) {
	hq := host(t, 1, "hq")
	a := start(t, 2, Options{Loopback: true})
	hq.knows([]*member{hq}, a)
	for range 2 {
		a.meet([]*member{hq})
		a.atHome(hq)
		a.meet(nil)
		if home := a.Home(); !home.IsZero() {
			t.Fatalf("home without a rendezvous: %s", home)
		}
	}
}

// TestDoorsThatAreNone are left out, whoever states them.
func TestDoorsThatAreNone(t *testing.T) {
	id := identity.NodeID{9}
	doors := []string{
		"192.0.2.1:443", "hq.example:443", "127.0.0.1:443", "[::1]:443", "0.0.0.0:1", "[::]:1",
		testMesh.Address(id).String() + ":1", net.JoinHostPort(testMesh.Address(id).String(), "1"), "nonsense", ":1",
	}
	for _, c := range []struct {
		loopback bool
		want     string
	}{
		{false, "[192.0.2.1:443 hq.example:443]"},
		{true, "[127.0.0.1:443 [::1]:443]"},
	} {
		got, err := normalise(Config{Mesh: testMesh, Rendezvous: []mesh.Rendezvous{{ID: id, Doors: doors}, {ID: identity.NodeID{1}}}}, [32]byte{}, c.loopback)
		if err != nil || len(got.Rendezvous) != 1 || fmt.Sprint(got.Rendezvous[0].Doors) != c.want {
			t.Errorf("loopback %v: %+v, %v; want %s", c.loopback, got.Rendezvous, err, c.want)
		}
	}
}
