package api

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh"
	"warren/mesh/gossip"
	"warren/mesh/identity"
	"warren/node/enrol"
	"warren/node/home"
	"warren/node/plan"
	"warren/node/platform"
	"warren/node/view"
)

// world is a founded mesh as one of its machines, hub, sees it, without a
// network below.
type world struct {
	t     testing.TB
	home  home.Home
	owner ed25519.PrivateKey
	view  *view.Cache
	plan  plan.Plan
	said  []*warrenv1.Statement
	// answer is what controllers say to a command.
	answer error
	local  *Local
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, home: home.At(platform.Dir(t.TempDir()))}
	m, err := enrol.Found(w.home, enrol.Founding{
		Mesh: "firm", Node: "hub", UID: 4711, Now: time.Now(), Range: netip.MustParsePrefix("10.99.0.0/16"),
	})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := w.home.Technician()
	if err != nil {
		t.Fatal(err)
	}
	w.owner = ed25519.NewKeyFromSeed(kept.Seed)
	id, err := m.MeshID()
	if err != nil {
		t.Fatal(err)
	}
	if w.view, err = view.Open(id, w.home.View()); err != nil {
		t.Fatal(err)
	}
	var running atomic.Pointer[Running]
	running.Store(w.running())
	w.local = &Local{
		Home: w.home, Member: func() home.Member { return m }, Running: &running,
		Ready: func() bool { return true }, Stop: func(bool) {},
	}
	return w
}

func (w *world) running() *Running {
	w.t.Helper()
	key, err := w.home.NodeKey()
	if err != nil {
		w.t.Fatal(err)
	}
	now := func() plan.Plan { return w.plan }
	return &Running{
		Self: key.ID(), Home: w.home, View: w.view, Plan: now, Presence: NewPresence(nil, now), Authority: orders{w}, Gossip: w,
		Controllers: func(context.Context) []Controller { return nil }, Audit: Audit{Warnings: func() []string { return nil }}, Log: slog.New(slog.DiscardHandler),
	}
}

// Picture, Say and Warnings are the world's gossip: nobody is up, and what is
// said is kept.
func (w *world) Picture() []gossip.Member  { return nil }
func (w *world) Warnings() []string        { return nil }
func (w *world) Say(s *warrenv1.Statement) { w.said = append(w.said, s) }

func (w *world) log() *trust.Log { return w.view.Now().Log }

// node is the key of a machine by name.
func (w *world) node(name string) identity.NodeKey {
	w.t.Helper()
	seed := sha256.Sum256([]byte("node " + name))
	k, err := identity.NodeKeyFromSeed(seed[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

// add appends a record that the owner signs.
func (w *world) add(body any) {
	w.t.Helper()
	s, err := trust.SignEntry(w.log().Draft(time.Now(), body), w.owner)
	if err != nil {
		w.t.Fatal(err)
	}
	w.merge(&warrenv1.View{FromSequence: w.log().Len(), Entries: []*warrenv1.Statement{s}})
}

func (w *world) merge(v *warrenv1.View) {
	w.t.Helper()
	if _, err := w.view.Merge(v); err != nil {
		w.t.Fatal(err)
	}
}

// device adds a machine whose key follows from the word.
func (w *world) device(name, word string, edit ...func(*warrenv1.DeviceRecord)) trust.Device {
	w.t.Helper()
	k := w.node(word)
	ipv4, err := w.log().FreeIPv4(k.ID())
	if err != nil {
		w.t.Fatal(err)
	}
	r := &warrenv1.DeviceRecord{
		Key: k.Public(), Name: name, Roles: []string{"device"}, Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED,
		Ipv4: ipv4.AsSlice(), NotBefore: time.Now().Unix(), NotAfter: time.Now().Add(time.Hour).Unix(),
	}
	for _, e := range edit {
		e(r)
	}
	w.add(r)
	d, _ := w.log().Device(k.ID())
	return d
}

func (w *world) revoke(kind warrenv1.RevocationKind, target []byte) {
	w.t.Helper()
	s, err := trust.SignRevocation(w.log().Mesh(), kind, target, "test", time.Now(), w.owner)
	if err != nil {
		w.t.Fatal(err)
	}
	w.merge(&warrenv1.View{FromSequence: w.log().Len(), Revocations: []*warrenv1.Statement{s}})
}

func (w *world) revokeNode(d trust.Device) {
	w.t.Helper()
	w.revoke(warrenv1.RevocationKind_REVOCATION_KIND_NODE, d.ID[:])
}

// meets makes the plan let this machine meet others.
func (w *world) meets(list ...trust.Device) {
	w.plan.Mesh.Peers = nil
	for _, d := range list {
		w.plan.Mesh.Peers = append(w.plan.Mesh.Peers, mesh.Peer{ID: d.ID})
	}
}

// by is a request's context as the local server makes it.
func by(ctx context.Context, uid int) context.Context {
	return context.WithValue(ctx, callerKey{}, uid)
}

// orders is an Authority that keeps nothing, and answers what the world says.
type orders struct{ w *world }

func (o orders) Propose(context.Context, proto.Message) (uint64, error) { return 0, o.w.answer }

func (orders) Ledger(context.Context) (*warrenv1.LedgerResponse, error) {
	return &warrenv1.LedgerResponse{}, nil
}

func (orders) Renew(context.Context, *warrenv1.Statement) error { return nil }

func (orders) Seat(context.Context, identity.NodeID) (int, error) { return 0, nil }

func (o orders) Unseat(context.Context, identity.NodeID, *warrenv1.Statement) (int, error) {
	return 0, o.w.answer
}
