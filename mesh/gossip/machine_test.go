package gossip

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

// fleet is a mesh whose machines run in one process.
type fleet struct {
	t        testing.TB
	net      *overlay
	mesh     identity.MeshID
	admin    ed25519.PrivateKey
	keys     []identity.NodeKey
	ids      []identity.NodeID
	book     map[netip.Addr]identity.NodeID
	machines []*machine
	// meets, where set, says which machines are peers of each other.
	meets func(a, b int) bool
	seed  uint64
}

// machine is a node as far as gossip is concerned: it believes statements as
// the real one does, and takes a revoked machine out of its plan.
type machine struct {
	f     *fleet
	n     int
	key   identity.NodeKey
	dir   *mesh.Directory
	pool  *Pool
	host  *host
	ended chan error
	stop  context.CancelFunc

	mu      sync.Mutex
	revoked map[identity.NodeID]bool
	held    []*warrenv1.Statement // revocations
	head    Head
	policy  uint64
	deaf    bool // fetches nothing
	asked   []identity.NodeID
	events  []Event
	// unknown are machines whose records this one has not seen.
	unknown map[identity.NodeID]bool
	learnt  map[[32]byte]time.Time // when a statement was news
}

func testKey(seed, n uint64) identity.NodeKey {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], seed)
	binary.BigEndian.PutUint64(b[8:], n)
	sum := sha256.Sum256(b[:])
	k, err := identity.NodeKeyFromSeed(sum[:])
	if err != nil {
		panic(err)
	}
	return k
}

func newFleet(t testing.TB, n int, seed uint64) *fleet {
	f := &fleet{t: t, net: newOverlay(seed), mesh: sha256.Sum256([]byte("a mesh")), seed: seed}
	sum := sha256.Sum256([]byte("admin"))
	f.admin = ed25519.NewKeyFromSeed(sum[:])
	for i := range n {
		k := testKey(seed, uint64(i))
		f.keys = append(f.keys, k)
		f.ids = append(f.ids, k.ID())
		f.machines = append(f.machines, nil)
	}
	f.book = addressBook(f.mesh, f.ids)
	return f
}

// start puts machine n up, with what it held when it stopped.
func (f *fleet) start(n int) *machine {
	f.t.Helper()
	m := &machine{
		f: f, n: n, key: f.keys[n],
		revoked: map[identity.NodeID]bool{}, unknown: map[identity.NodeID]bool{}, learnt: map[[32]byte]time.Time{},
		head: headOf(1),
	}
	m.dir = mesh.NewDirectory(f.mesh, m.member)
	if was := f.machines[n]; was != nil {
		m.dir, m.revoked, m.held, m.head, m.policy, m.unknown = was.dir, was.revoked, was.held, was.head, was.policy, was.unknown
	}
	m.run()
	f.machines[n] = m
	return m
}

func (f *fleet) startAll() {
	for n := range f.machines {
		f.start(n)
	}
}

// stopAll ends every machine, and fails where one does not end well.
func (f *fleet) stopAll() {
	f.t.Helper()
	for _, m := range f.machines {
		if m != nil {
			m.stop()
		}
	}
	for _, m := range f.machines {
		if m != nil && m.ended != nil {
			if err := <-m.ended; err != nil {
				f.t.Errorf("machine %d ended with %v", m.n, err)
			}
		}
	}
}

func (m *machine) id() identity.NodeID { return m.f.ids[m.n] }

func (m *machine) member(id identity.NodeID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Contains(m.f.ids, id) && !m.revoked[id] && !m.unknown[id]
}

func (m *machine) run() {
	f := m.f
	m.host = f.net.host(f.mesh.Address(m.id()))
	var err error
	m.pool, err = New(Config{
		Key: m.key, Mesh: f.mesh,
		Packets: m.host, Streams: listener{m.host},
		Dial: func(ctx context.Context, peer identity.NodeID) (net.Conn, error) {
			return f.net.dial(ctx, m.host.at, f.mesh.Address(peer))
		},
		Member: m.member,
		Facts:  func() []*warrenv1.Statement { return m.dir.All() },
		Merge:  m.merge,
		Behind: m.behind,
		Known: func(hash [32]byte, entries uint64) bool {
			return headOf(entries).Hash == hash
		},
		Notice: func(e Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.events = append(m.events, e)
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	m.apply()
	ctx, cancel := context.WithCancel(context.Background())
	m.stop, m.ended = cancel, make(chan error, 1)
	go func() { m.ended <- m.pool.Run(ctx) }()
}

// crash takes the machine off the network without a word.
func (m *machine) crash() {
	f := m.f
	f.net.mu.Lock()
	delete(f.net.hosts, m.host.at.Addr())
	f.net.dead[m.host.at.Addr()] = true
	f.net.mu.Unlock()
	m.stop()
	if err := <-m.ended; err != nil {
		f.t.Errorf("machine %d crashed with %v", m.n, err)
	}
	m.ended = nil
}

// headOf is the end of the one true log.
func headOf(entries uint64) Head {
	return Head{Hash: sha256.Sum256(binary.BigEndian.AppendUint64(nil, entries)), Entries: entries}
}

// apply tells the pool what the machine knows.
func (m *machine) apply() {
	m.mu.Lock()
	s := State{Head: m.head, Policy: m.policy, Roles: Device, Revocations: slices.Clone(m.held)}
	for n, id := range m.f.ids {
		if n != m.n && !m.revoked[id] && !m.unknown[id] && (m.f.meets == nil || m.f.meets(m.n, n)) {
			s.Peers = append(s.Peers, id)
		}
	}
	m.mu.Unlock()
	m.pool.Apply(s)
}

// holds makes a head the machine's own.
func (m *machine) holds(h Head) {
	m.mu.Lock()
	m.head = h
	m.mu.Unlock()
	m.apply()
}

func (m *machine) merge(s *warrenv1.Statement) (bool, error) {
	if s.GetType() != string(identity.TypeRevocation) {
		news, err := m.dir.Merge(s)
		if news {
			m.mu.Lock()
			m.learnt[identity.HashOf(s)] = time.Now()
			m.mu.Unlock()
		}
		return news, err
	}
	var r warrenv1.Revocation
	signers, err := identity.Open(s, identity.TypeRevocation, &r)
	if err != nil {
		return false, err
	}
	admin, _ := m.f.admin.Public().(ed25519.PublicKey)
	if !signers.Has(admin) {
		return false, identity.ErrStatement
	}
	m.mu.Lock()
	id := identity.NodeID(r.GetTarget())
	if m.revoked[id] {
		m.mu.Unlock()
		return false, nil
	}
	m.revoked[id] = true
	m.held = append(m.held, s)
	m.learnt[identity.HashOf(s)] = time.Now()
	m.mu.Unlock()
	m.dir.Prune()
	m.apply()
	return true, nil
}

// behind fetches all from the peer.
func (m *machine) behind(_ context.Context, peer identity.NodeID) error {
	i := slices.Index(m.f.ids, peer)
	from := m.f.machines[i]
	if from == nil {
		return errors.New("an attacker gives nothing")
	}
	from.mu.Lock()
	head, policy, held := from.head, from.policy, slices.Clone(from.held)
	from.mu.Unlock()
	m.mu.Lock()
	m.asked = append(m.asked, peer)
	if m.deaf {
		m.mu.Unlock()
		return errors.New("nothing came")
	}
	if head.Entries > m.head.Entries {
		m.head = head
	}
	m.policy = max(m.policy, policy)
	m.mu.Unlock()
	for _, s := range held {
		_, _ = m.merge(s)
	}
	m.apply()
	return nil
}

// keys makes machine n's key statement known to itself and, as a controller
// would, to all who run.
func (f *fleet) keysOf(n int) *warrenv1.Statement {
	return identitytest.Keys(f.t, f.keys[n], f.mesh, fmt.Sprint(n), 1, time.Now())
}

// endpointsOf is machine n's endpoint statement; many makes it long.
func (f *fleet) endpointsOf(n int, counter uint64, many bool) *warrenv1.Statement {
	addrs := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:41641")}
	var public []string
	if many {
		for i := range identity.MaxEndpoints - 1 {
			addrs = append(addrs, netip.MustParseAddrPort(fmt.Sprintf("[2001:db8:1111:2222:3333:4444:5555:%x]:41641", 0x1000+i)))
		}
		for i := range identity.MaxPublic {
			public = append(public, fmt.Sprintf("%0200d.example:41641", i))
		}
	}
	s, err := identity.SignEndpoints(f.keys[n], f.mesh, addrs, counter, time.Now(), public...)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fleet) revocation(n int) *warrenv1.Statement { return f.revocationOf(f.ids[n]) }

func (f *fleet) revocationOf(id identity.NodeID) *warrenv1.Statement {
	s, err := identity.Sign(identity.TypeRevocation, &warrenv1.Revocation{
		Mesh: f.mesh[:], Kind: warrenv1.RevocationKind_REVOCATION_KIND_NODE, Target: id[:], Reason: "stolen", Time: time.Now().UnixMilli(),
	}, f.admin)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// say has a machine merge a statement and spread it.
func (m *machine) say(s *warrenv1.Statement) {
	m.f.t.Helper()
	if _, err := m.merge(s); err != nil {
		m.f.t.Fatal(err)
	}
	if err := m.pool.Broadcast(s); err != nil {
		m.f.t.Fatal(err)
	}
}

func (m *machine) has(s *warrenv1.Statement) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.learnt[identity.HashOf(s)]
	return ok
}

func (m *machine) sees(id identity.NodeID) (Member, bool) {
	for _, p := range m.pool.Picture() {
		if p.ID == id {
			return p, true
		}
	}
	return Member{}, false
}

func (m *machine) online() int {
	n := 0
	for _, p := range m.pool.Picture() {
		if p.Online {
			n++
		}
	}
	return n
}

// until waits until ok holds, looking every 50 ms, and tells how long it took.
func (f *fleet) until(limit time.Duration, what string, ok func() bool) time.Duration {
	f.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			for _, m := range f.machines[:min(len(f.machines), 6)] {
				if m != nil { // an attacker has the place
					f.t.Logf("machine %d: %d online, %+v", m.n, m.online(), m.pool.Stats())
				}
			}
			f.t.Fatalf("%s: not within %v (seed %d)", what, limit, f.seed)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began)
}

// pairs is how many of all who run see how many of the others.
func (f *fleet) pairs() float64 {
	n, seen := 0, 0
	for _, m := range f.machines {
		if m != nil && m.ended != nil {
			n++
			seen += m.online()
		}
	}
	return float64(seen) / float64(n*(n-1))
}

// honest checks that nobody's guard took an honest machine for anything else.
func (f *fleet) honest() {
	f.t.Helper()
	for _, m := range f.machines {
		s := m.pool.Stats()
		if s.Malformed+s.Forged+s.Strangers+s.Limited+s.Dropped+s.Refused+s.Unsent > 0 {
			f.t.Errorf("machine %d: %+v", m.n, s)
		}
	}
}

// all is whether ok holds for every machine that runs.
func (f *fleet) all(ok func(*machine) bool) bool {
	for _, m := range f.machines {
		if m != nil && m.ended != nil && !ok(m) {
			return false
		}
	}
	return true
}

// mostRaced machines are simulated under the race detector, where the runtime
// of Go 1.26 crashes now and then as timers of virtual time fire
// (timer.maybeRunChan). make test runs the larger fleets without the detector.
const mostRaced = 6

func unlessRaced(t *testing.T, n int) {
	t.Helper()
	if race && n > mostRaced {
		t.Skipf("%d machines in virtual time: run without the race detector", n)
	}
}

// simulate runs story in virtual time.
func simulate(t *testing.T, n int, seed uint64, story func(t *testing.T, f *fleet)) {
	t.Helper()
	unlessRaced(t, n)
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, n, seed)
		defer f.stopAll()
		story(t, f)
	})
}

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func encoded(t testing.TB, s *warrenv1.Statement) []byte {
	t.Helper()
	b, err := proto.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func epoch() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }
