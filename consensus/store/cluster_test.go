package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
	"warren/mesh/identity"
)

// cluster is three controllers, the first of which founded the mesh.
type cluster struct {
	*statetest.Mesh
	net    storetest.Network
	stores []*running
}

func three(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{Mesh: statetest.New(t, "acme")}
	ctx := within(t, 30*time.Second)
	for n := range 3 {
		c.stores = append(c.stores, start(t, config(t.TempDir(), c.Machine(n).ID(), &c.net)))
	}
	first := c.stores[0]
	if err := first.Bootstrap(ctx, founding(t, c.Mesh)); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 3; n++ {
		c.promote(t, c.stores[n])
	}
	return c
}

// promote makes s a voter, whoever leads.
func (c *cluster) promote(t *testing.T, s *running) {
	t.Helper()
	c.led(t, func(ctx context.Context, leader *running) error {
		return leader.Promote(ctx, s.cfg.Self, c.progress)
	})
}

// progress is a Progress.
func (c *cluster) progress(_ context.Context, node identity.NodeID) (uint64, error) {
	for _, s := range c.stores {
		if s.cfg.Self == node {
			return s.Applied(), nil
		}
	}
	return 0, errors.New("unreachable")
}

// led asks whoever leads until it is done: a busy machine may change its
// leader at any time.
func (c *cluster) led(t *testing.T, ask func(context.Context, *running) error) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	c.await(t, nil, func(*running) bool {
		err := ask(ctx, c.leader(t, c.stores...))
		if err != nil && !errors.Is(err, ErrNotLeader) {
			c.tell(t)
			t.Fatal(err)
		}
		return err == nil
	})
}

// tell says how the controllers are.
func (c *cluster) tell(t *testing.T) {
	t.Helper()
	for _, s := range c.stores {
		t.Logf("%s: %v", s.cfg.Self.Short(), s.raft.Stats())
	}
}

// others are the stores but one.
func (c *cluster) others(but *running) []*running {
	return slices.DeleteFunc(slices.Clone(c.stores), func(s *running) bool { return s == but })
}

// propose proposes a revocation until it is acknowledged: a busy machine may
// change its leader at any time.
func (c *cluster) propose(t *testing.T, n uint64) {
	t.Helper()
	c.await(t, nil, func(*running) bool {
		_, err := c.leader(t, c.stores...).Propose(within(t, 20*time.Second), revocation(t, c.Mesh, c.Log(), n))
		if err != nil && !errors.Is(err, ErrUnknownOutcome) && !errors.Is(err, ErrNotLeader) {
			t.Fatal(err)
		}
		return err == nil
	})
}

func (c *cluster) await(t *testing.T, s *running, ok func(*running) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(s); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.tell(t)
			t.Fatal("waited for nothing")
		}
	}
}

// leader waits until one of stores leads.
func (c *cluster) leader(t *testing.T, stores ...*running) *running {
	t.Helper()
	var found *running
	c.await(t, nil, func(*running) bool {
		for _, s := range stores {
			if id, ok := s.Leader(); ok && id == s.cfg.Self && s.raft.State() == raft.Leader {
				found = s
			}
		}
		return found != nil
	})
	return found
}

func TestThreeControllers(t *testing.T) {
	c := three(t)
	ctx := within(t, 60*time.Second)
	for n := range uint64(20) {
		c.propose(t, n)
	}
	var leader *running
	c.await(t, nil, func(*running) bool { // one who is not deposed at once
		leader = c.leader(t, c.stores...)
		return leader.Verify(ctx) == nil
	})
	if got := leader.Voters(); len(got) != 3 || !got[0].Votes || !got[2].Votes {
		t.Errorf("voters are %v", got)
	}
	follower := c.others(leader)[0]
	c.await(t, follower, func(s *running) bool { _, ok := s.Leader(); return ok })
	var other *NotLeaderError
	if err := follower.proposeOne(ctx, c.Mesh); !errors.As(err, &other) || !errors.Is(err, ErrNotLeader) || other.Leader == follower.cfg.Self {
		t.Errorf("propose on a follower: %v", err)
	}
	if err := follower.Verify(ctx); !errors.Is(err, ErrNotLeader) {
		t.Errorf("verify on a follower: %v", err)
	}
	if age, ok := follower.Age(); !ok || age > 10*time.Second {
		t.Errorf("a follower's age is %s (%t)", age, ok)
	}

	began := time.Now()
	if err := leader.stop(t); err != nil {
		t.Fatal(err)
	}
	c.stores = c.others(leader)
	next := c.leader(t, c.stores...)
	t.Logf("a new leader after %s", time.Since(began))
	c.propose(t, 20)
	c.await(t, next, func(*running) bool {
		next = c.leader(t, c.stores...)
		return next.Verify(ctx) == nil
	})
	for n := range uint64(21) {
		if !revoked(next.State().Log(), n) {
			t.Errorf("%d was acknowledged and is lost", n)
		}
	}
	for _, s := range c.stores {
		if err := s.stop(t); err != nil {
			t.Error(err)
		}
	}
}

// A leader cut off from the others neither acknowledges nor verifies, and
// comes back without deposing anyone (pre-vote).
func TestCutOffLeader(t *testing.T) {
	c := three(t)
	var old *running
	c.await(t, nil, func(*running) bool {
		old = c.leader(t, c.stores...)
		return old.Verify(within(t, 10*time.Second)) == nil
	})
	if age, ok := old.Age(); !ok || age != 0 {
		t.Errorf("the leader's age is %s (%t)", age, ok)
	}
	c.net.Cut(old.cfg.Self, true)
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := old.proposeOne(short, c.Mesh); !errors.Is(err, ErrUnknownOutcome) && !errors.Is(err, ErrNoLeader) {
		t.Errorf("propose: %v, want %v", err, ErrUnknownOutcome)
	}
	all := c.stores
	c.stores = c.others(old)
	began := time.Now()
	c.leader(t, c.stores...)
	t.Logf("a new leader after %s", time.Since(began))
	c.propose(t, 7)
	brief, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := old.Verify(brief); !errors.Is(err, ErrNoLeader) {
		t.Errorf("verify on a cut-off leader: %v, want %v", err, ErrNoLeader)
	}
	if err := old.proposeOne(brief, c.Mesh); !errors.Is(err, ErrNoLeader) {
		t.Errorf("propose on a deposed leader: %v, want %v", err, ErrNoLeader)
	}

	// Cut off, it stands for election again and again. With pre-vote that
	// raises nobody's term: not its own, so not the others' when it is back.
	term := old.raft.CurrentTerm()
	time.Sleep(3 * heartbeat)
	if got := old.raft.CurrentTerm(); got != term {
		t.Errorf("its term went from %d to %d while it was cut off", term, got)
	}
	c.net.Cut(old.cfg.Self, false)
	c.stores = all
	c.await(t, old, func(s *running) bool { return revoked(s.State().Log(), 7) })
}

// Where disks need longer for a vote than an election may take, elections get
// longer until one ends.
func TestSlowDisks(t *testing.T) {
	c := &cluster{Mesh: statetest.New(t, "acme")}
	for n := range 3 {
		cfg := config(t.TempDir(), c.Machine(n).ID(), &c.net)
		cfg.slow = 450 * time.Millisecond // two writes by the candidate, two by a voter, in one second at most
		c.stores = append(c.stores, start(t, cfg))
	}
	if err := c.stores[0].Bootstrap(within(t, 30*time.Second), founding(t, c.Mesh)); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 3; n++ {
		c.promote(t, c.stores[n])
	}
	old := c.leader(t, c.stores...)
	c.net.Cut(old.cfg.Self, true)
	c.stores = c.others(old)
	began := time.Now()
	for deadline := began.Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if slices.ContainsFunc(c.stores, func(s *running) bool { return s.raft.State() == raft.Leader }) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody leads after a minute")
		}
	}
	t.Logf("a new leader after %s", time.Since(began))
	c.propose(t, 7)
	c.await(t, c.leader(t, c.stores...), func(s *running) bool { return s.raft.ReloadableConfig().ElectionTimeout == heartbeat })
}

// A newcomer whose log the leader no longer has gets a snapshot.
func TestNewcomerGetsSnapshot(t *testing.T) {
	m := statetest.New(t, "acme")
	var net storetest.Network
	cfg := config(t.TempDir(), m.Node.ID(), &net)
	cfg.SnapshotEvery, cfg.segment, cfg.due = 10, 16<<10, 10*time.Millisecond
	first := start(t, cfg)
	ctx := within(t, 30*time.Second)
	if err := first.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(100) {
		if _, err := first.Propose(ctx, revocation(t, m, m.Log(), n)); err != nil {
			t.Fatal(err)
		}
	}
	c := &cluster{Mesh: m}
	c.await(t, first, func(s *running) bool { i, err := s.disk.FirstIndex(); return err == nil && i > 10 })

	cfg = config(t.TempDir(), m.Machine(1).ID(), &net)
	second := start(t, cfg)
	if err := first.AddReplica(ctx, cfg.Self); err != nil {
		t.Fatal(err)
	}
	c.await(t, second, func(s *running) bool { return s.State().Revision() == first.State().Revision() })
	c.await(t, second, func(s *running) bool { // the snapshot's configuration comes in force a moment later
		got := s.Voters()
		return len(got) == 2 && !got[1].Votes
	})
	if err := second.stop(t); err != nil {
		t.Fatal(err)
	}
	cfg.Mesh = statetest.New(t, "other").Log().Mesh()
	if _, err := Open(cfg); !errors.Is(err, ErrForeign) {
		t.Errorf("the snapshot's mesh is not the folder's: %v", err)
	}
}

func TestNoLeader(t *testing.T) {
	m := statetest.New(t, "acme")
	s, err := Open(config(t.TempDir(), m.Node.ID(), &storetest.Network{}))
	if err != nil {
		t.Fatal(err)
	}
	short := within(t, 50*time.Millisecond)
	if _, err := s.Propose(short, founding(t, m)); !errors.Is(err, ErrNoLeader) {
		t.Errorf("before Run: %v", err)
	}
	if _, ok := s.Leader(); ok || s.Voters() != nil {
		t.Error("leader or voters before Run")
	}
	if _, ok := s.Age(); ok {
		t.Error("an age before Run")
	}
	r := run(t, s)
	short = within(t, 50*time.Millisecond)
	if _, err := s.Propose(short, founding(t, m)); !errors.Is(err, ErrNoLeader) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("before Bootstrap: %v", err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := s.Propose(context.Background(), founding(t, m))
		waiting <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, ErrStopped) {
		t.Errorf("waiting while Run ended: %v", err)
	}
	if _, err := s.Propose(context.Background(), founding(t, m)); !errors.Is(err, ErrStopped) {
		t.Errorf("after Run: %v", err)
	}
	if err := s.Verify(context.Background()); !errors.Is(err, ErrStopped) {
		t.Errorf("verify after Run: %v", err)
	}
	if err := s.Run(context.Background()); err == nil {
		t.Error("Run twice")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
