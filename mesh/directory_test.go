package mesh_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

var (
	meshID = identity.MeshID{1, 2, 3}
	day0   = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
)

func nodeKey(t testing.TB, name string) identity.NodeKey {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	k, err := identity.NodeKeyFromSeed(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keys(t testing.TB, node string, counter uint64) *warrenv1.Statement {
	t.Helper()
	return identitytest.Keys(t, nodeKey(t, node), meshID, fmt.Sprint(counter), counter, day0)
}

func endpoints(t testing.TB, node string, counter uint64, addrs ...string) *warrenv1.Statement {
	t.Helper()
	var list []netip.AddrPort
	for _, a := range addrs {
		list = append(list, netip.MustParseAddrPort(a))
	}
	s, err := identity.SignEndpoints(nodeKey(t, node), meshID, list, counter, day0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// members says yes to the nodes of these names.
func members(t testing.TB, names ...string) func(identity.NodeID) bool {
	t.Helper()
	known := map[identity.NodeID]bool{}
	for _, n := range names {
		known[nodeKey(t, n).ID()] = true
	}
	return func(id identity.NodeID) bool { return known[id] }
}

func merge(t testing.TB, d *mesh.Directory, s *warrenv1.Statement, want bool) {
	t.Helper()
	changed, err := d.Merge(s)
	if err != nil || changed != want {
		t.Errorf("merge: changed %v, error %v; want changed %v", changed, err, want)
	}
}

func TestMergeKeepsTheNewest(t *testing.T) {
	d := mesh.NewDirectory(meshID, members(t, "a", "b"))
	a := nodeKey(t, "a").ID()
	if _, ok := d.Keys(a); ok {
		t.Error("keys before any came")
	}
	merge(t, d, keys(t, "a", 5), true)
	merge(t, d, endpoints(t, "a", 2, "192.0.2.1:1"), true)
	merge(t, d, keys(t, "a", 4), false)
	merge(t, d, keys(t, "a", 5), false)
	if k, ok := d.Keys(a); !ok || k.Counter != 5 || k.WireGuard != identitytest.Public(t, "wireguard 5") || k.Node != a {
		t.Errorf("keys of a: %+v %v", k, ok)
	}
	merge(t, d, keys(t, "a", 6), true)
	if k, _ := d.Keys(a); k.Counter != 6 {
		t.Errorf("keys of a: counter %d, want 6", k.Counter)
	}
	e, ok := d.Endpoints(a)
	if want := netip.MustParseAddrPort("192.0.2.1:1"); !ok || !slices.Equal(e.Addresses, []netip.AddrPort{want}) {
		t.Errorf("endpoints of a: %+v %v", e, ok)
	}
	if _, ok := d.Endpoints(nodeKey(t, "b").ID()); ok {
		t.Error("endpoints of b, who said nothing")
	}
}

// An old statement costs no signature check: its signature may even be wrong.
func TestMergeOldUnchecked(t *testing.T) {
	d := mesh.NewDirectory(meshID, members(t, "a"))
	merge(t, d, keys(t, "a", 5), true)
	forged, _ := proto.Clone(keys(t, "a", 5)).(*warrenv1.Statement)
	forged.Signatures[0].Signature[0] ^= 1
	merge(t, d, forged, false)
}

func TestMergeRefuses(t *testing.T) {
	change := func(f func(*warrenv1.Statement)) *warrenv1.Statement {
		s, _ := proto.Clone(keys(t, "a", 9)).(*warrenv1.Statement)
		f(s)
		return s
	}
	other := identitytest.Keys(t, nodeKey(t, "a"), identity.MeshID{9}, "9", 9, day0)
	impostor, err := identity.Sign(identity.TypeKeys, &warrenv1.Keys{
		Mesh: meshID[:], Node: nodeKey(t, "a").Public(), Wireguard: make([]byte, 32), Disco: make([]byte, 32), Counter: 9,
	}, nodeKey(t, "b").Signer())
	if err != nil {
		t.Fatal(err)
	}
	large, err := identity.Sign(identity.TypeEndpoints, &warrenv1.Endpoints{
		Mesh: meshID[:], Node: nodeKey(t, "a").Public(), Addresses: []string{strings.Repeat("0", mesh.MaxFact)}, Counter: 9,
	}, nodeKey(t, "a").Signer())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		s    *warrenv1.Statement
		want error
	}{
		{"nothing", nil, identity.ErrStatement},
		{"stranger", keys(t, "c", 1), mesh.ErrStranger},
		{"another type", change(func(s *warrenv1.Statement) { s.Type = string(identity.TypeClaim) }), identity.ErrStatement},
		{"signed as another type", change(func(s *warrenv1.Statement) { s.Type = string(identity.TypeEndpoints) }), identity.ErrStatement},
		{"forged", change(func(s *warrenv1.Statement) { s.Signatures[0].Signature[3] ^= 1 }), identity.ErrStatement},
		{"unsigned", change(func(s *warrenv1.Statement) { s.Signatures = nil }), identity.ErrStatement},
		{"cut", change(func(s *warrenv1.Statement) { s.Payload = s.Payload[:40] }), identity.ErrStatement},
		{"another mesh", other, identity.ErrStatement},
		{"signed by another member", impostor, identity.ErrStatement},
		{"too large", large, identity.ErrStatement},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := mesh.NewDirectory(meshID, members(t, "a", "b"))
			changed, err := d.Merge(tt.s)
			if tt.name == "too large" && !strings.Contains(err.Error(), "2048") {
				t.Errorf("refused for another reason: %v", err)
			}
			if changed || !errors.Is(err, tt.want) {
				t.Errorf("changed %v, error %v; want %v", changed, err, tt.want)
			}
			if got := d.All(); len(got) != 0 {
				t.Errorf("kept %d statements", len(got))
			}
		})
	}
}

// The largest honest statement fits.
func TestMergeLargest(t *testing.T) {
	m := &warrenv1.Endpoints{Mesh: meshID[:], Node: nodeKey(t, "a").Public(), Counter: 1 << 63, Time: day0.UnixMilli()}
	for i := range identity.MaxEndpoints {
		m.Addresses = append(m.Addresses, fmt.Sprintf("[2001:db8:1234:5678:9abc:def0:1234:%04x]:65535", 0xfff0+i))
	}
	for range identity.MaxPublic {
		m.Public = append(m.Public, strings.Repeat("h", 253)+":65535")
	}
	s, err := identity.Sign(identity.TypeEndpoints, m, nodeKey(t, "a").Signer())
	if err != nil {
		t.Fatal(err)
	}
	merge(t, mesh.NewDirectory(meshID, members(t, "a")), s, true)
	if n := len(s.GetPayload()); n < mesh.MaxFact*3/4 || n > mesh.MaxFact {
		t.Errorf("%d bytes, MaxFact is %d", n, mesh.MaxFact)
	}
}

func TestSince(t *testing.T) {
	d := mesh.NewDirectory(meshID, members(t, "a", "b"))
	if got, v := d.Since(0); len(got) != 0 || v != 0 {
		t.Errorf("empty directory: %d statements, version %d", len(got), v)
	}
	a1, b1, a2 := keys(t, "a", 1), keys(t, "b", 1), keys(t, "a", 2)
	merge(t, d, a1, true)
	_, v1 := d.Since(0)
	merge(t, d, b1, true)
	merge(t, d, a2, true)
	same := func(got []*warrenv1.Statement, want ...*warrenv1.Statement) {
		t.Helper()
		if !slices.EqualFunc(got, want, func(a, b *warrenv1.Statement) bool { return proto.Equal(a, b) }) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	}
	got, v3 := d.Since(v1)
	same(got, b1, a2)
	same(d.All(), b1, a2)
	got, v := d.Since(v3)
	same(got)
	if v != v3 {
		t.Errorf("version %d after %d without a change", v, v3)
	}
	got, _ = d.Since(v3 + 100)
	same(got)
}

func TestPrune(t *testing.T) {
	var mu sync.Mutex
	names := []string{"a", "b"}
	d := mesh.NewDirectory(meshID, func(id identity.NodeID) bool {
		mu.Lock()
		defer mu.Unlock()
		return members(t, names...)(id)
	})
	merge(t, d, keys(t, "a", 1), true)
	merge(t, d, endpoints(t, "a", 1), true)
	merge(t, d, keys(t, "b", 1), true)
	if n := d.Prune(); n != 0 {
		t.Errorf("pruned %d members", n)
	}
	mu.Lock()
	names = []string{"b"}
	mu.Unlock()
	watch := d.Watch()
	if n := d.Prune(); n != 2 {
		t.Errorf("pruned %d statements, want 2", n)
	}
	select {
	case <-watch:
	default:
		t.Error("watch did not close")
	}
	if _, ok := d.Keys(nodeKey(t, "a").ID()); ok || len(d.All()) != 1 {
		t.Error("statements of a are still there")
	}
}

func TestWatch(t *testing.T) {
	d := mesh.NewDirectory(meshID, members(t, "a"))
	watch := d.Watch()
	merge(t, d, keys(t, "a", 3), true)
	select {
	case <-watch:
	default:
		t.Fatal("watch did not close at a change")
	}
	watch = d.Watch()
	merge(t, d, keys(t, "a", 3), false)
	if _, err := d.Merge(keys(t, "stranger", 1)); err == nil {
		t.Error("a stranger was taken in")
	}
	select {
	case <-watch:
		t.Error("watch closed without a change")
	default:
	}
}

// TestConcurrent merges from many sides at once; each reader sees counters
// that only rise.
func TestConcurrent(t *testing.T) {
	d := mesh.NewDirectory(meshID, members(t, "a", "b"))
	var all []*warrenv1.Statement
	for i := range uint64(30) {
		all = append(all, keys(t, "a", i), keys(t, "b", i), endpoints(t, "a", i))
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range all {
				if _, err := d.Merge(all[(i*7+g*11)%len(all)]); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			var last, version uint64
			for range 200 {
				if k, ok := d.Keys(nodeKey(t, "a").ID()); ok {
					if k.Counter < last {
						t.Errorf("counter %d after %d", k.Counter, last)
					}
					last = k.Counter
				}
				var fresh []*warrenv1.Statement
				fresh, version = d.Since(version)
				if len(fresh) > 3 {
					t.Errorf("%d statements of three facts", len(fresh))
				}
			}
		})
	}
	wg.Wait()
	if k, _ := d.Keys(nodeKey(t, "b").ID()); k.Counter != 29 || len(d.All()) != 3 {
		t.Errorf("counter %d, %d statements; want 29 and 3", k.Counter, len(d.All()))
	}
}

// FuzzMerge signs whatever payload comes with a member's key, so that the
// decoders behind the signature are reached.
func FuzzMerge(f *testing.F) {
	f.Add(true, keys(f, "a", 1).GetPayload())
	f.Add(false, endpoints(f, "a", 1, "192.0.2.1:1", "[2001:db8::1%eth0]:41820").GetPayload())
	f.Add(false, []byte{})
	f.Fuzz(func(t *testing.T, isKeys bool, payload []byte) {
		kind := identity.TypeEndpoints
		if isKeys {
			kind = identity.TypeKeys
		}
		carrier := &emptypb.Empty{}
		if err := proto.Unmarshal(payload, carrier); err != nil {
			return
		}
		s, err := identity.Sign(kind, carrier, nodeKey(t, "a").Signer())
		if err != nil {
			return
		}
		d := mesh.NewDirectory(meshID, members(t, "a"))
		changed, err := d.Merge(s)
		if changed == (err != nil) {
			t.Fatalf("changed %v, error %v", changed, err)
		}
		if !changed {
			return
		}
		id := nodeKey(t, "a").ID()
		_, k := d.Keys(id)
		e, ok := d.Endpoints(id)
		if k == ok || k != isKeys || len(d.All()) != 1 || len(e.Addresses) > identity.MaxEndpoints {
			t.Fatalf("after one statement: keys %v, endpoints %v, %d held", k, ok, len(d.All()))
		}
	})
}
