package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"warren/mesh/identity"
)

// grow starts controller n and makes it a voter.
func (c *cluster) grow(t *testing.T, n int) *running {
	t.Helper()
	s := start(t, config(t.TempDir(), c.Machine(n).ID(), &c.net))
	c.stores = append(c.stores, s)
	c.promote(t, s)
	return s
}

// drop takes s out of the cluster, whoever leads; it goes on running.
func (c *cluster) drop(t *testing.T, s *running) {
	t.Helper()
	all := c.stores
	c.led(t, func(ctx context.Context, leader *running) error { return leader.Remove(ctx, s.cfg.Self) })
	c.stores = slices.DeleteFunc(slices.Clone(all), func(o *running) bool { return o == s })
}

// agree waits until all stores have the revisions 0 to n-1 and one revision.
func (c *cluster) agree(t *testing.T, n uint64) {
	t.Helper()
	for _, s := range c.stores {
		c.await(t, s, func(s *running) bool {
			for i := range n {
				if !revoked(s.State().Log(), i) {
					return false
				}
			}
			return true
		})
	}
}

func (c *cluster) voters(t *testing.T) int {
	t.Helper()
	votes := 0
	for _, v := range c.leader(t, c.stores...).Voters() {
		if v.Votes {
			votes++
		}
	}
	return votes
}

func TestGrowAndShrink(t *testing.T) {
	c := three(t)
	var n uint64
	next := func() { t.Helper(); c.propose(t, n); n++ }
	next()
	for i := 3; i < 5; i++ {
		c.grow(t, i)
		next()
	}
	if got := c.voters(t); got != 5 {
		t.Fatalf("%d voters, want 5", got)
	}
	c.agree(t, n)

	// A follower goes, then a leader, then a dead one.
	leader := c.leader(t, c.stores...)
	c.drop(t, c.others(leader)[0])
	next()
	leader = c.leader(t, c.stores...)
	c.drop(t, leader)
	next()
	if got := c.voters(t); got != 3 {
		t.Fatalf("%d voters, want 3", got)
	}
	dead := c.others(c.leader(t, c.stores...))[0]
	if err := dead.stop(t); err != nil {
		t.Fatal(err)
	}
	c.stores = c.others(dead)
	c.grow(t, 5)
	next()
	c.led(t, func(ctx context.Context, leader *running) error { return leader.Remove(ctx, dead.cfg.Self) })
	next()
	c.agree(t, n)

	for len(c.stores) > 1 {
		c.drop(t, c.leader(t, c.stores...))
		next()
	}
	if err := c.stores[0].Remove(within(t, 5*time.Second), c.stores[0].cfg.Self); !errors.Is(err, ErrLastVoter) {
		t.Errorf("removing the last voter: %v", err)
	}
	next()
	c.agree(t, n)
}

// What does not answer is not given a vote, and costs the others nothing.
func TestAbsentReplicaGetsNoVote(t *testing.T) {
	c := three(t)
	absent := c.Machine(3).ID()
	short, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	nothing := func(context.Context, identity.NodeID) (uint64, error) { return 0, errors.New("unreachable") }
	if err := c.leader(t, c.stores...).Promote(short, absent, nothing); !errors.Is(err, ErrNoLeader) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("promoting who is not there: %v", err)
	}
	if got := c.voters(t); got != 3 {
		t.Errorf("%d voters, want 3", got)
	}
	c.propose(t, 0)
	follower := c.others(c.leader(t, c.stores...))[0]
	for name, err := range map[string]error{
		"AddReplica": follower.AddReplica(short, absent), "Remove": follower.Remove(short, absent),
	} {
		if !errors.Is(err, ErrNotLeader) && !errors.Is(err, ErrNoLeader) {
			t.Errorf("%s on a follower: %v", name, err)
		}
	}
}

// A follower that reaches the leader's revision has all that was acknowledged
// before; one that is cut off says that it does not.
func TestFollowerReads(t *testing.T) {
	c := three(t)
	for n := range uint64(10) {
		c.propose(t, n)
		var revision uint64
		c.led(t, func(ctx context.Context, leader *running) error {
			var err error
			revision, err = leader.Current(ctx)
			return err
		})
		for _, s := range c.stores {
			if err := s.Reach(within(t, 20*time.Second), revision); err != nil {
				t.Fatal(err)
			}
			if !revoked(s.State().Log(), n) {
				t.Errorf("%s has revision %d without %d", s.cfg.Self.Short(), revision, n)
			}
		}
	}
	follower := c.others(c.leader(t, c.stores...))[0]
	c.net.Cut(follower.cfg.Self, true)
	c.stores = c.others(follower)
	c.propose(t, 10)
	revision := c.leader(t, c.stores...).State().Revision()
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if err := follower.Reach(short, revision); !errors.Is(err, ErrNoLeader) {
		t.Errorf("a follower that is cut off reached revision %d: %v", revision, err)
	}
}

// A leader that ends hands over: nobody waits for a heartbeat.
func TestLeaderHandsOverAtItsEnd(t *testing.T) {
	c := three(t)
	c.propose(t, 0)
	old := c.leader(t, c.stores...)
	if err := old.stop(t); err != nil {
		t.Fatal(err)
	}
	c.stores = c.others(old)
	heard := func(s *running) bool {
		id, ok := s.Leader()
		return ok && id != old.cfg.Self
	}
	began := time.Now()
	c.await(t, nil, func(*running) bool { return slices.ContainsFunc(c.stores, heard) })
	if took := time.Since(began); took >= heartbeat {
		t.Errorf("the next leader came after %s, as if the last had died", took)
	}
	c.propose(t, 1)
}
