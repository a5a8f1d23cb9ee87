package store

import (
	"errors"
	"testing"
	"time"

	"warren/consensus/state"
	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
	"warren/mesh/identity"
)

// One of three is left, and goes on alone with all that was acknowledged.
func TestRecover(t *testing.T) {
	c := three(t)
	for n := range uint64(5) {
		c.propose(t, n)
	}
	c.agree(t, 5)
	var left *running
	for _, s := range c.stores {
		if left == nil && s != c.leader(t, c.stores...) {
			left = s
		}
	}
	for _, s := range c.stores {
		if err := s.stop(t); err != nil {
			t.Fatal(err)
		}
	}
	cfg := config(left.cfg.Dir, left.cfg.Self, &c.net)
	got, err := Recover(Config{Dir: cfg.Dir, Self: cfg.Self})
	if err != nil {
		t.Fatal(err)
	}
	if !revoked(got.Log(), 4) {
		t.Error("the recovered log lacks what was acknowledged")
	}
	for range 2 { // it stays so
		c.stores = []*running{start(t, cfg)}
		c.propose(t, 5)
		if got := c.voters(t); got != 1 {
			t.Errorf("%d voters, want 1", got)
		}
		c.agree(t, 6)
		if err := c.stores[0].stop(t); err != nil {
			t.Fatal(err)
		}
		cfg = config(cfg.Dir, cfg.Self, &c.net)
	}
	// And grows again, by machines that know nothing of what was.
	c.stores = []*running{start(t, cfg)}
	c.grow(t, 7)
	c.propose(t, 6)
	c.agree(t, 7)
}

func TestRecoverRefuses(t *testing.T) {
	m := statetest.New(t, "acme")
	cfg := Config{Dir: t.TempDir(), Self: m.Node.ID()}
	if _, err := Recover(cfg); !errors.Is(err, ErrNothing) {
		t.Errorf("an empty folder: %v", err)
	}
	var net storetest.Network
	s := start(t, config(t.TempDir(), m.Node.ID(), &net))
	if err := s.Bootstrap(within(t, 20*time.Second), founding(t, m)); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(Config{Dir: s.cfg.Dir, Self: cfg.Self}); !errors.Is(err, ErrInUse) {
		t.Errorf("a folder in use: %v", err)
	}
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(Config{Dir: s.cfg.Dir, Self: m.Machine(1).ID()}); !errors.Is(err, ErrForeign) {
		t.Errorf("another node's folder: %v", err)
	}
}

func TestSeed(t *testing.T) {
	m := statetest.New(t, "acme")
	var net storetest.Network
	s := start(t, config(t.TempDir(), m.Node.ID(), &net))
	ctx := within(t, 30*time.Second)
	if err := s.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(5) {
		if _, err := s.Propose(ctx, revocation(t, m, m.Log(), n)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := s.State().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	revision := s.State().Revision()
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	cfg := config(t.TempDir(), m.Machine(1).ID(), &net)
	cfg.Mesh = m.Log().Mesh()
	if err := Seed(cfg, raw[:len(raw)-1]); !errors.Is(err, state.ErrSnapshot) {
		t.Errorf("half a snapshot: %v", err)
	}
	foreign := cfg
	foreign.Mesh = identity.MeshID{1}
	if err := Seed(foreign, raw); !errors.Is(err, ErrForeign) {
		t.Errorf("another mesh's snapshot: %v", err)
	}
	if err := Seed(cfg, raw); err != nil {
		t.Fatal(err)
	}
	if err := Seed(cfg, raw); !errors.Is(err, ErrFilled) {
		t.Errorf("seeded twice: %v", err)
	}
	s = start(t, cfg)
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	if got := s.State().Revision(); got != revision || !revoked(s.State().Log(), 4) {
		t.Errorf("it begins at revision %d, want %d", got, revision)
	}
	if got, err := s.Propose(ctx, revocation(t, m, m.Log(), 5)); err != nil || got <= revision {
		t.Errorf("the next change is revision %d after %d: %v", got, revision, err)
	}
}
