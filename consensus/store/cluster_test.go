package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
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
		id := c.Machine(n).ID().String()
		server, address := raft.ServerID(id), raft.ServerAddress(id)
		if err := first.raft.AddNonvoter(server, address, 0, 0).Error(); err != nil {
			t.Fatal(err)
		}
		c.await(t, c.stores[n], func(s *running) bool { return s.State().Revision() == first.State().Revision() })
		if err := first.raft.AddVoter(server, address, 0, 0).Error(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *cluster) await(t *testing.T, s *running, ok func(*running) bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(s); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
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
	leader, follower := c.stores[0], c.stores[1]

	if got := leader.Voters(); len(got) != 3 || !got[0].Votes || !got[2].Votes {
		t.Errorf("voters are %v", got)
	}
	if err := leader.Verify(ctx); err != nil {
		t.Errorf("verify on the leader: %v", err)
	}
	var other *NotLeaderError
	if err := follower.proposeOne(ctx, c.Mesh); !errors.As(err, &other) || !errors.Is(err, ErrNotLeader) || other.Leader != leader.cfg.Self {
		t.Errorf("propose on a follower: %v", err)
	}
	if err := follower.Verify(ctx); !errors.Is(err, ErrNotLeader) {
		t.Errorf("verify on a follower: %v", err)
	}
	if age, ok := follower.Age(); !ok || age > 5*time.Second {
		t.Errorf("a follower's age is %s (%t)", age, ok)
	}
	if age, ok := leader.Age(); !ok || age != 0 {
		t.Errorf("the leader's age is %s (%t)", age, ok)
	}

	acknowledged := uint64(0)
	for n := range uint64(20) {
		if _, err := leader.Propose(ctx, revocation(t, c.Mesh, c.Log(), n)); err != nil {
			t.Fatal(err)
		}
		acknowledged++
	}
	began := time.Now()
	if err := leader.stop(t); err != nil {
		t.Fatal(err)
	}
	next := c.leader(t, c.stores[1], c.stores[2])
	t.Logf("a new leader after %s", time.Since(began))
	if err := next.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	for n := range acknowledged {
		if !revoked(next.State().Log(), n) {
			t.Errorf("%d was acknowledged and is lost", n)
		}
	}
	if err := next.proposeOne(ctx, c.Mesh); err != nil {
		t.Error(err)
	}
	for _, s := range c.stores[1:] {
		if err := s.stop(t); err != nil {
			t.Error(err)
		}
	}
}

// A leader cut off from the others neither acknowledges nor verifies, and
// comes back without deposing anyone (pre-vote).
func TestCutOffLeader(t *testing.T) {
	c := three(t)
	old := c.stores[0]
	if err := old.Verify(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	c.net.Cut(old.cfg.Self, true)
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := old.proposeOne(short, c.Mesh); !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("propose: %v, want %v", err, ErrUnknownOutcome)
	}
	next := c.leader(t, c.stores[1], c.stores[2])
	if _, err := next.Propose(within(t, 10*time.Second), revocation(t, c.Mesh, c.Log(), 7)); err != nil {
		t.Fatal(err)
	}
	brief, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if err := old.Verify(brief); !errors.Is(err, ErrNoLeader) {
		t.Errorf("verify on a cut-off leader: %v, want %v", err, ErrNoLeader)
	}
	if err := old.proposeOne(brief, c.Mesh); !errors.Is(err, ErrNoLeader) {
		t.Errorf("propose on a deposed leader: %v, want %v", err, ErrNoLeader)
	}
	term := next.raft.CurrentTerm()
	time.Sleep(3 * heartbeat)
	c.net.Cut(old.cfg.Self, false)
	c.await(t, old, func(s *running) bool { return revoked(s.State().Log(), 7) })
	if id, ok := old.Leader(); !ok || id != next.cfg.Self {
		t.Errorf("leader is %s", id)
	}
	if got := next.raft.CurrentTerm(); got != term {
		t.Errorf("term went from %d to %d: the one who came back forced an election", term, got)
	}
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
	id := cfg.Self.String()
	if err := first.raft.AddNonvoter(raft.ServerID(id), raft.ServerAddress(id), 0, 0).Error(); err != nil {
		t.Fatal(err)
	}
	c.await(t, second, func(s *running) bool { return s.State().Revision() == first.State().Revision() })
	if got := second.Voters(); len(got) != 2 || got[1].Votes {
		t.Errorf("voters are %v", got)
	}
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
