package enrol_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/invite"
	"warren/consensus/state"
	"warren/consensus/store"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/ordering"
	"warren/node/platform"
	"warren/node/port"
	"warren/node/view"
)

// world is a founded mesh, its one controller's replica without Raft, and the
// Desk there.
type world struct {
	t     testing.TB
	mesh  identity.MeshID
	home  home.Home
	key   identity.NodeKey // of the controller
	owner ed25519.PrivateKey
	desk  *enrol.Desk

	mu       sync.Mutex
	state    *state.State
	index    uint64
	behind   error  // what Current answers
	unheard  []bool // of the next proposals: their outcome stays unknown, and whether they took effect
	learnt   []*warrenv1.Statement
	proposed int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, home: home.At(platform.Dir(t.TempDir())), state: state.New()}
	m, err := enrol.Found(w.home, enrol.Founding{
		Mesh: "firm", Node: "hub", Now: time.Now(), Range: netip.MustParsePrefix("10.99.0.0/16"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.mesh, err = m.MeshID(); err != nil {
		t.Fatal(err)
	}
	if w.key, err = w.home.NodeKey(); err != nil {
		t.Fatal(err)
	}
	kept, err := w.home.Technician()
	if err != nil {
		t.Fatal(err)
	}
	w.owner = ed25519.NewKeyFromSeed(kept.Seed)
	c, err := view.Open(w.mesh, w.home.View())
	if err != nil {
		t.Fatal(err)
	}
	now := c.Now()
	w.must(&warrenv1.MeshFounded{Entries: now.Log.Entries(0), Policy: now.PolicyText})
	w.desk = enrol.NewDesk(w.mesh, w, slog.New(slog.DiscardHandler))
	return w
}

func (w *world) must(body proto.Message) {
	w.t.Helper()
	if _, err := w.Propose(w.t.Context(), body); err != nil {
		w.t.Fatal(err)
	}
}

// State and the rest are enrol.Ledger.
func (w *world) State() *state.State { return w.state }

func (w *world) Current(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.behind
}

func (w *world) Propose(_ context.Context, body proto.Message) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := command.New(body)
	if err != nil {
		return 0, err
	}
	w.index++
	w.proposed++
	if len(w.unheard) > 0 {
		effect := w.unheard[0]
		w.unheard = w.unheard[1:]
		if effect {
			w.state.Apply(w.index, c.At(time.Now()))
		}
		return 0, ordering.Fault(store.ErrUnknownOutcome)
	}
	r := w.state.Apply(w.index, c.At(time.Now()))
	return r.Revision, r.Err
}

func (w *world) Enter(ctx context.Context, body any, done func(*trust.Log) bool) error {
	log := w.log()
	if done(log) {
		return nil
	}
	entry, err := trust.SignEntry(log.Draft(time.Now(), body), w.key.Signer())
	if err != nil {
		return err
	}
	_, err = w.Propose(ctx, &warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{entry}})
	return err
}

func (w *world) Learn(s *warrenv1.Statement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.learnt = append(w.learnt, s)
}

func (w *world) Whole() *warrenv1.View {
	s := w.state.Snapshot()
	return &warrenv1.View{
		Mesh: w.mesh[:], Entries: s.Log().Entries(0), Revocations: s.Log().Revocations(), Policy: s.Policy(), Revision: s.Revision(),
	}
}

func (w *world) log() *trust.Log { return w.state.Snapshot().Log() }

// ticket is an invite with its secret.
type ticket struct {
	id     invite.ID
	secret invite.Secret
	stmt   *warrenv1.Statement
	open   invite.Invite
}

// invite makes an invite and has it ordered.
func (w *world) invite(edit ...func(*warrenv1.Invite)) ticket {
	w.t.Helper()
	secret, err := invite.NewSecret(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	k := ticket{secret: secret}
	_, _ = rand.Read(k.id[:])
	now, log := time.Now(), w.log()
	head := log.Head()
	m := &warrenv1.Invite{
		Mesh: w.mesh[:], Id: k.id[:], Key: invite.Key(secret).Public().(ed25519.PublicKey), Role: "device", Uses: 1,
		Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED, Approval: true, NotBefore: now.Unix(), NotAfter: now.Add(time.Hour).Unix(),
		Head: head[:], HeadSequence: log.Len() - 1, Inviter: enrol.Owner,
	}
	for _, e := range edit {
		e(m)
	}
	if k.stmt, err = invite.Sign(m, w.owner); err != nil {
		w.t.Fatal(err)
	}
	if k.open, err = invite.Read(k.stmt, w.mesh); err != nil {
		w.t.Fatal(err)
	}
	w.must(&warrenv1.InviteMade{Invite: k.stmt})
	return k
}

// guest is a machine that is no member yet.
type guest struct {
	key  identity.NodeKey
	from netip.AddrPort
}

func newGuest(t testing.TB, from string) guest {
	t.Helper()
	k, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	return guest{k, netip.MustParseAddrPort(from)}
}

// calls is the context of a request the guest makes.
func (g guest) calls(ctx context.Context) context.Context {
	return port.WithPeer(ctx, port.Peer{ID: g.key.ID(), Key: g.key.Public(), Address: g.from})
}

// claim is what the guest would hand in with that nonce.
func (w *world) claim(g guest, k ticket, name string, nonce []byte, edit ...func(*warrenv1.Claim)) *warrenv1.Statement {
	w.t.Helper()
	keys := identitytest.Keys(w.t, g.key, w.mesh, g.key.ID().String(), 1, time.Now())
	m := &warrenv1.Claim{Mesh: w.mesh[:], Invite: k.id[:], Name: name, Keys: keys, Nonce: nonce, Time: time.Now().UnixMilli()}
	for _, e := range edit {
		e(m)
	}
	var person ed25519.PrivateKey
	if k.open.Role == invite.RoleTechnician {
		var err error
		if _, person, err = ed25519.GenerateKey(rand.Reader); err != nil {
			w.t.Fatal(err)
		}
	}
	s, err := invite.SignClaim(m, k.secret, g.key, person)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) greet(g guest, k ticket) (*warrenv1.GreetResponse, error) {
	return w.desk.Greet(g.calls(w.t.Context()), &warrenv1.GreetRequest{Mesh: w.mesh[:], Invite: k.id[:]})
}

// joins greets and claims.
func (w *world) joins(g guest, k ticket, name string, edit ...func(*warrenv1.Claim)) (warrenv1.ClaimState, error) {
	r, err := w.greet(g, k)
	if err != nil {
		return 0, err
	}
	c, err := w.desk.Claim(g.calls(w.t.Context()), &warrenv1.ClaimRequest{Claim: w.claim(g, k, name, r.GetNonce(), edit...)})
	return c.GetState(), err
}

// admit signs the records for a waiting guest.
func (w *world) admit(g guest, k ticket) {
	w.t.Helper()
	row, ok := w.state.Snapshot().Claim(k.id, g.key.ID())
	if !ok {
		w.t.Fatal("nobody waits")
	}
	entries, err := enrol.Admit(w.log(), k.open, row.Claim, w.owner, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(&warrenv1.EntriesAppended{Entries: entries})
}

func (w *world) revoke(kind warrenv1.RevocationKind, id []byte) {
	w.t.Helper()
	s, err := trust.SignRevocation(w.mesh, kind, id, "test", time.Now(), w.owner)
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(&warrenv1.Revoked{Revocation: s})
}

// refused wants an error of a kind and with a reason, in words for people.
func refused(t testing.TB, err error, kind fault.Kind, reason string) {
	t.Helper()
	if err == nil {
		t.Error("was accepted")
		return
	}
	f := fault.Of(err)
	if f.Kind != kind || f.Reason != reason {
		t.Errorf("got %v (%s, reason %q), want %s, %q", err, f.Kind, f.Reason, kind, reason)
	}
	var known *fault.Error
	if !errors.As(err, &known) {
		t.Errorf("%v is no fault", err)
	}
	if bytes.Contains([]byte(err.Error()), []byte("%!")) {
		t.Errorf("words are missing: %v", err)
	}
}
