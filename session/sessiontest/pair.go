package sessiontest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"net/netip"
	"sync"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
	"warren/session/broker"
)

// Pair is a technician and a device, each with a socket on loopback, and
// nothing between them but a function call for hello and offer.
type Pair struct {
	Mesh           identity.MeshID
	TechnicianKey  ed25519.PrivateKey
	TechnicianNode identity.NodeID
	DeviceKey      identity.NodeKey
	Broker         *broker.Broker
	// TechnicianHub and DeviceHub are the two sockets.
	TechnicianHub, DeviceHub *broker.Hub

	mu     sync.Mutex
	events []broker.Event
}

// NewPair makes a Pair that runs until the test ends, with a Plan that grants
// the technician every verb as every user and as nobody.
func NewPair(t testing.TB, kinds ...session.Kind) *Pair {
	t.Helper()
	return NewPairWith(t, func(*broker.Config) {}, kinds...)
}

// NewPairWith is NewPair with a broker that change has configured further.
func NewPairWith(t testing.TB, change func(*broker.Config), kinds ...session.Kind) *Pair {
	t.Helper()
	_, technician, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Pair{TechnicianKey: technician, TechnicianNode: newKey(t).ID(), DeviceKey: newKey(t)}
	rand.Read(p.Mesh[:])
	p.TechnicianHub, p.DeviceHub = NewHub(t), NewHub(t)
	cfg := broker.Config{Key: p.DeviceKey, Mesh: p.Mesh, Hub: p.DeviceHub, Kinds: kinds, Audit: p.record}
	change(&cfg)
	if p.Broker, err = broker.New(cfg); err != nil {
		t.Fatal(err)
	}
	start(t, p.Broker.Run)
	p.Broker.Apply(p.Plan())
	return p
}

// Plan grants the technician every verb as every user.
func (p *Pair) Plan() session.Plan {
	key, _ := p.TechnicianKey.Public().(ed25519.PublicKey)
	return session.Plan{
		Mesh: p.Mesh, Self: p.DeviceKey.ID(),
		Technicians: []session.Technician{{Key: key, Name: "tess", Node: p.TechnicianNode}},
		Grants:      []session.Grant{{Technician: key, Verbs: []string{session.Any}, Users: []string{session.Any, "root", ""}}},
	}
}

// Config is what the technician's node dials with.
func (p *Pair) Config(verb, user string, payload []byte) broker.DialConfig {
	return broker.DialConfig{
		Key: p.TechnicianKey, Node: p.TechnicianNode, Mesh: p.Mesh,
		Device: p.DeviceKey.ID(), DeviceKey: p.DeviceKey.Public(),
		Verb: verb, OSUser: user, Reason: "test", Payload: payload, Hub: p.TechnicianHub, Signal: p,
	}
}

// Dial opens a session.
func (p *Pair) Dial(ctx context.Context, verb, user string, payload []byte) (*broker.Conn, error) {
	return broker.Dial(ctx, p.Config(verb, user, payload))
}

// Hello implements broker.Signal.
func (p *Pair) Hello(ctx context.Context, r *warrenv1.HelloRequest) (*warrenv1.HelloResponse, error) {
	return p.Broker.Hello(ctx, p.TechnicianNode, r)
}

// Open implements broker.Signal.
func (p *Pair) Open(ctx context.Context, r *warrenv1.OpenRequest) (*warrenv1.OpenResponse, error) {
	return p.Broker.Open(ctx, p.TechnicianNode, r)
}

func (p *Pair) record(e broker.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// Events are what the broker's audit was told so far.
func (p *Pair) Events() []broker.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]broker.Event(nil), p.events...)
}

// NewHub runs a Hub on a loopback socket until the test ends.
func NewHub(t testing.TB) *broker.Hub {
	t.Helper()
	return NewHubWith(t, func(*broker.HubConfig) {})
}

// NewHubWith is NewHub with a configuration that change has had a hand in.
func NewHubWith(t testing.TB, change func(*broker.HubConfig)) *broker.Hub {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := broker.HubConfig{Socket: socket, AllowCandidate: netip.Addr.IsLoopback}
	change(&cfg)
	h, err := broker.NewHub(cfg)
	if err != nil {
		t.Fatal(err)
	}
	start(t, h.Run)
	return h
}

// start runs f until the test ends, and fails the test where f does.
func start(t testing.TB, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func newKey(t testing.TB) identity.NodeKey {
	k, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}
