package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"warren/mesh/identity"
)

// ErrLastVoter says that the cluster would have nobody left who votes.
var ErrLastVoter = errors.New("the last voter stays")

const (
	// pollProgress is how often Promote asks how far a replica has come.
	pollProgress = 50 * time.Millisecond
	// toldTime is how long Promote waits for voters that are behind.
	toldTime = 2 * time.Second
)

// Progress asks a controller for its Applied.
type Progress func(ctx context.Context, node identity.NodeID) (uint64, error)

// AddReplica makes node a replica that does not vote. It needs the leader and
// gives NotLeaderError elsewhere, else ErrNoLeader or ErrStopped. A node that
// is in the cluster already stays as it is.
func (s *Store) AddReplica(ctx context.Context, node identity.NodeID) error {
	id, address := raft.ServerID(node.String()), raft.ServerAddress(node.String())
	return s.arrange(ctx, func() (bool, error) { return s.has(node), nil },
		func() raft.Future { return s.raft.AddNonvoter(id, address, 0, rpcTimeout) })
}

// Promote gives a replica its vote once it has caught up. AddVoter alone would
// count the newcomer for the majority while it is still empty: with two of
// three such the cluster stands still. The replica is asked until a round of
// what was committed meanwhile took less than an election (Ongaro, "Consensus:
// Bridging Theory and Practice", 4.2.1). Then the other voters have two seconds
// to hear of the new one.
func (s *Store) Promote(ctx context.Context, node identity.NodeID, applied Progress) error {
	if err := s.AddReplica(ctx, node); err != nil {
		return err
	}
	if !s.votes(node) {
		if err := s.caughtUp(ctx, node, applied); err != nil {
			return fmt.Errorf("controller %s has not caught up: %w", node.Short(), err)
		}
	}
	id, address := raft.ServerID(node.String()), raft.ServerAddress(node.String())
	err := s.arrange(ctx, func() (bool, error) { return s.votes(node), nil },
		func() raft.Future { return s.raft.AddVoter(id, address, 0, rpcTimeout) })
	if err == nil {
		s.told(ctx, applied)
	}
	return err
}

// told waits until the voters that answer have all that is committed here. One
// that does not know of a new voter gives it no vote (Raft refuses those), and
// wins none itself, as it is behind: should the leader die now, nobody might
// ever follow.
func (s *Store) told(ctx context.Context, applied Progress) {
	ctx, cancel := context.WithTimeout(ctx, toldTime)
	defer cancel()
	target := s.raft.CommitIndex()
	behind := func(v Voter) bool {
		if !v.Votes || v.Node == s.cfg.Self {
			return false
		}
		at, err := applied(ctx, v.Node)
		return err != nil || at < target
	}
	for slices.ContainsFunc(s.Voters(), behind) {
		if s.wait(ctx, nil, time.After(pollProgress)) != nil {
			return
		}
	}
}

// caughtUp returns when node was quick to reach what is committed here.
func (s *Store) caughtUp(ctx context.Context, node identity.NodeID, applied Progress) error {
	for {
		began, target := time.Now(), s.raft.CommitIndex()
		for {
			if err := s.lead(ctx); err != nil {
				return err
			}
			at, err := applied(ctx, node)
			if err == nil && at >= target {
				break
			}
			if waited := s.wait(ctx, nil, time.After(pollProgress)); waited != nil {
				return errors.Join(waited, err)
			}
		}
		if time.Since(began) < heartbeat {
			return nil
		}
	}
}

// Remove takes a node out of the cluster. A leader that is to go hands its
// office over first and gives NotLeaderError: whoever leads then removes it.
// The only voter is ErrLastVoter.
func (s *Store) Remove(ctx context.Context, node identity.NodeID) error {
	gone := func() (bool, error) {
		switch {
		case !s.has(node):
			return true, nil
		case s.ballot() == 1 && s.votes(node):
			return false, ErrLastVoter
		case node == s.cfg.Self:
			if err := s.HandOver(ctx); err != nil {
				return false, err
			}
			return false, s.lead(ctx) // names the next
		}
		return false, nil
	}
	id := raft.ServerID(node.String())
	return s.arrange(ctx, gone, func() raft.Future { return s.raft.RemoveServer(id, 0, rpcTimeout) })
}

// HandOver gives the leader's office to another voter. It is done where this
// controller does not lead, and fails where no other voter is able to.
func (s *Store) HandOver(ctx context.Context) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	if s.raft.State() != raft.Leader {
		return nil
	}
	changed := s.Changed()
	if err := s.ask(ctx, s.raft.LeadershipTransfer()); err != nil && !errors.Is(err, errRefused) {
		return err
	}
	for s.raft.State() == raft.Leader {
		if err := s.wait(ctx, changed, nil); err != nil {
			return err
		}
		changed = s.Changed()
	}
	return nil
}

// arrange begins a change of the cluster until it is committed or done says
// so. Every such change may be asked for twice.
func (s *Store) arrange(ctx context.Context, done func() (bool, error), begin func() raft.Future) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	for {
		if err := s.lead(ctx); err != nil {
			return err
		}
		ok, err := done()
		if err != nil {
			return err
		}
		if ok { // by us or by somebody else: not before it is committed
			begin = func() raft.Future { return s.raft.Barrier(rpcTimeout) }
		}
		err = s.ask(ctx, begin())
		if !errors.Is(err, errRefused) {
			return err
		}
		if err := s.wait(ctx, nil, time.After(pause)); err != nil {
			return err
		}
	}
}

func (s *Store) has(node identity.NodeID) bool {
	for _, v := range s.Voters() {
		if v.Node == node {
			return true
		}
	}
	return false
}

func (s *Store) votes(node identity.NodeID) bool {
	for _, v := range s.Voters() {
		if v.Node == node {
			return v.Votes
		}
	}
	return false
}

// ballot is how many vote.
func (s *Store) ballot() int {
	n := 0
	for _, v := range s.Voters() {
		if v.Votes {
			n++
		}
	}
	return n
}

// Applied is the index up to which this replica has taken over the log.
func (s *Store) Applied() uint64 {
	if !s.running() {
		return 0
	}
	return s.raft.AppliedIndex()
}

// Current is Verify, and the revision of the State that it made current: what
// a follower has to Reach for a linearisable read of its own.
func (s *Store) Current(ctx context.Context) (uint64, error) {
	if err := s.Verify(ctx); err != nil {
		return 0, err
	}
	return s.State().Revision(), nil
}

// Reach returns when State has come to a revision.
func (s *Store) Reach(ctx context.Context, revision uint64) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	for {
		watch := s.State().Watch()
		if s.State().Revision() >= revision {
			return s.machine.err()
		}
		select {
		case <-watch:
		case <-s.stopped:
			return s.gone()
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrNoLeader, context.Cause(ctx))
		}
	}
}
