package view_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/policy"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/view"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Keys follow from their names, so that what was signed stays the same.
func person(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("person " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func node(t testing.TB, name string) identity.NodeKey {
	t.Helper()
	seed := sha256.Sum256([]byte("node " + name))
	k, err := identity.NodeKeyFromSeed(seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// mesh is a trust log with the policy its head names.
type mesh struct {
	*trust.Log
	t      testing.TB
	policy []byte
}

var defaultPolicy = policy.Default("owner")

// founded is a mesh with its first controller, hub. Other words give another
// mesh.
func founded(t testing.TB, word string) *mesh {
	t.Helper()
	hub := node(t, "hub").ID()
	nonce := sha256.Sum256([]byte(word))
	s, err := trust.SignEntry(trust.Genesis(noon, &warrenv1.Genesis{
		Name: "firm", RecoveryKey: publicOf(person("recovery")), Ipv4Range: "100.97.0.0/16", Nonce: nonce[:16],
		Founder:    &warrenv1.TechnicianRecord{Name: "owner", Key: publicOf(person("owner")), Admin: true, Node: hub[:], NotBefore: noon.Unix()},
		Thresholds: &warrenv1.Thresholds{Admin: 1, Controller: 1, Device: 1, Gateway: 1, Policy: 1},
	}), person("owner"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := trust.Found(s)
	if err != nil {
		t.Fatal(err)
	}
	m := &mesh{Log: log, t: t}
	m.device("hub", "controller")
	m.add(&warrenv1.ControllerRecord{Key: node(t, "hub").Public()})
	m.replace(defaultPolicy)
	return m
}

func (m *mesh) add(body any) {
	m.t.Helper()
	s, err := trust.SignEntry(m.Draft(noon, body), person("owner"))
	if err != nil {
		m.t.Fatal(err)
	}
	if m.Log, err = m.Append(s); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mesh) device(name, role string) {
	m.t.Helper()
	k := node(m.t, name)
	ipv4, err := m.FreeIPv4(k.ID())
	if err != nil {
		m.t.Fatal(err)
	}
	m.add(&warrenv1.DeviceRecord{
		Key: k.Public(), Name: name, Roles: []string{role}, Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED,
		Ipv4: ipv4.AsSlice(), NotBefore: noon.Unix(),
	})
}

func (m *mesh) replace(text []byte) {
	m.t.Helper()
	hash := sha256.Sum256(text)
	_, revision := m.Policy()
	m.add(&warrenv1.PolicyRecord{Hash: hash[:], Revision: revision + 1})
	m.policy = text
}

// revoke is a revocation of a machine, beside the log.
func (m *mesh) revoke(name string) *warrenv1.Statement {
	m.t.Helper()
	id := node(m.t, name).ID()
	s, err := trust.SignRevocation(m.Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_NODE, id[:], "test", noon, person("owner"))
	if err != nil {
		m.t.Fatal(err)
	}
	if m.Log, err = m.Revoke(s); err != nil {
		m.t.Fatal(err)
	}
	return s
}

// fork is a copy of the mesh as it is, to be grown in another way.
func (m *mesh) fork() *mesh { return &mesh{Log: m.Log, t: m.t, policy: m.policy} }

// whole is the mesh as a View, from its entry from on.
func (m *mesh) whole(from uint64) *warrenv1.View {
	id, hub := m.Mesh(), node(m.t, "hub").ID()
	return &warrenv1.View{
		Mesh: id[:], Revision: m.Len(), FromSequence: from, Entries: m.Entries(from), Revocations: m.Revocations(),
		Policy: m.policy, Controller: hub[:], Leader: hub[:],
	}
}

func (m *mesh) endpoints(name string, counter uint64) *warrenv1.Statement {
	m.t.Helper()
	s, err := identity.SignEndpoints(node(m.t, name), m.Mesh(), []netip.AddrPort{netip.MustParseAddrPort("192.0.2.7:41820")}, counter, noon)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// disk is a view.Storage.
type disk struct {
	mu     sync.Mutex
	data   []byte
	writes int
	fail   error
}

func (d *disk) Load() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.data), nil
}

func (d *disk) Store(data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	d.data = bytes.Clone(data)
	d.writes++
	return nil
}

func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

func openOn(t testing.TB, m *mesh, d *disk) *view.Cache {
	t.Helper()
	c, err := view.Open(m.Mesh(), d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func merge(t testing.TB, c *view.Cache, v *warrenv1.View) bool {
	t.Helper()
	changed, err := c.Merge(v)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func encoded(t testing.TB, v *warrenv1.View) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var errDisk = errors.New("disk full")
