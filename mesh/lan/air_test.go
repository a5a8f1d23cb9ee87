package lan

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

// street is a LAN in memory: what one says, all who are plugged in hear.
type street struct {
	mu      sync.Mutex
	members []*plug
	said    int
}

type plug struct {
	street *street
	addr   netip.Addr
	heard  chan []byte
	out    bool // pulled
	came   bool
}

func (s *street) plug(addr string) *plug {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &plug{street: s, addr: netip.MustParseAddr(addr), heard: make(chan []byte, 1000), came: true}
	s.members = append(s.members, p)
	return p
}

func (s *street) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

// pull takes a plug out, or puts it in again.
func (p *plug) pull(out bool) {
	p.street.mu.Lock()
	defer p.street.mu.Unlock()
	p.out, p.came = out, !out
}

func (p *plug) look() bool {
	p.street.mu.Lock()
	defer p.street.mu.Unlock()
	came := p.came
	p.came = false
	return came
}

func (p *plug) send(datagram []byte) {
	p.street.mu.Lock()
	defer p.street.mu.Unlock()
	if p.out {
		return
	}
	p.street.said++
	for _, m := range p.street.members {
		if !m.out {
			m.heard <- slices.Clone(datagram)
		}
	}
}

func (p *plug) receive(ctx context.Context, got func(netip.Addr, []byte)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-p.heard:
			got(p.addr, b)
		}
	}
}

// member is a machine with a beacon.
type member struct {
	key       identity.NodeKey
	plug      *plug
	directory *mesh.Directory
	beacon    *Beacon

	mu     sync.Mutex
	lonely bool
}

var meshID = identity.MeshID{1, 2, 3}

func seed(b byte) identity.NodeKey {
	k, err := identity.NodeKeyFromSeed(append(make([]byte, 31), b))
	if err != nil {
		panic(err)
	}
	return k
}

// join makes a member, whom only the members named know.
func (s *street) join(t *testing.T, number byte, addr string, knows ...byte) *member {
	t.Helper()
	known := map[identity.NodeID]bool{}
	for _, n := range append(knows, number) {
		known[seed(n).ID()] = true
	}
	m := &member{key: seed(number), plug: s.plug(addr), lonely: true}
	m.directory = mesh.NewDirectory(meshID, func(id identity.NodeID) bool { return known[id] })
	keys := identitytest.Keys(t, m.key, meshID, string(rune(number)), 1, time.Now())
	if _, err := m.directory.Merge(keys); err != nil {
		t.Fatal(err)
	}
	m.at(t, addr)
	var err error
	m.beacon, err = newBeacon(Config{
		Mesh: meshID, Own: m.own, Changed: m.directory.Watch, Take: m.directory.Merge,
		Missing: func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.lonely },
		Ours:    func(netip.Addr) bool { return false }, Log: discard(),
	}, m.plug)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *member) own() []*warrenv1.Statement { return m.directory.Of(m.key.ID()) }

func (m *member) setLonely(lonely bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lonely = lonely
}

// at states that the member is at an address now.
func (m *member) at(t *testing.T, addr string) {
	t.Helper()
	held, _ := m.directory.Endpoints(m.key.ID())
	s, err := identity.SignEndpoints(m.key, meshID, []netip.AddrPort{endpoint(addr)}, held.Counter+1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.directory.Merge(s); err != nil {
		t.Fatal(err)
	}
}

func endpoint(addr string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), 41820)
}

// sees reports whether m knows another member to be at an address.
func (m *member) sees(other *member, addr string) bool {
	e, _ := m.directory.Endpoints(other.key.ID())
	_, keys := m.directory.Keys(other.key.ID())
	return keys && slices.Contains(e.Addresses, endpoint(addr))
}
