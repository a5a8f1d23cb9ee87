package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"warren/mesh/identity"
)

// Voter is one controller of the cluster.
type Voter struct {
	Node identity.NodeID
	// Votes is false for a replica that does not vote yet.
	Votes bool
}

// Leader is the controller that orders commands, as far as this one knows.
func (s *Store) Leader() (identity.NodeID, bool) {
	if !s.running() {
		return identity.NodeID{}, false
	}
	_, id := s.raft.LeaderWithID()
	node, err := identity.ParseNodeID(string(id))
	return node, err == nil
}

// Changed is closed at the next change of leader or voters. Take it before the Leader
// that it is to follow.
func (s *Store) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Voters lists the cluster, none before bootstrap or Run.
func (s *Store) Voters() []Voter {
	if !s.running() {
		return nil
	}
	var voters []Voter
	for _, server := range s.raft.GetConfiguration().Configuration().Servers {
		if node, err := identity.ParseNodeID(string(server.ID)); err == nil {
			voters = append(voters, Voter{Node: node, Votes: server.Suffrage == raft.Voter})
		}
	}
	return voters
}

// Age is how long ago this controller was last known to be up to date: zero
// on the leader. The second result is false where no leader was ever heard of.
func (s *Store) Age() (time.Duration, bool) {
	if !s.running() {
		return 0, false
	}
	if s.raft.State() == raft.Leader {
		return 0, true
	}
	last := s.raft.LastContact()
	return time.Since(last), !last.IsZero()
}

// Verify makes the next read of State linearisable: it returns nil once State
// holds every command that was acknowledged anywhere before the call. It needs
// the leader and gives NotLeaderError elsewhere, else ErrNoLeader or
// ErrStopped.
func (s *Store) Verify(ctx context.Context) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	for {
		if err := s.lead(ctx); err != nil {
			return err
		}
		err := s.verify(ctx)
		if !errors.Is(err, errRefused) {
			return err
		}
		if err := s.wait(ctx, nil, time.After(pause)); err != nil {
			return err
		}
	}
}

// verify is Raft's read index (Ongaro, "Consensus: Bridging Theory and
// Practice", 6.4). The first of a term is a barrier, since a new leader's commit
// index may lag behind its predecessor's. Raft's AppliedIndex counts entries it
// has handed over, not those that are applied, so the machine's own count
// decides, and a barrier waits for the rest.
func (s *Store) verify(ctx context.Context) error {
	term := s.raft.CurrentTerm()
	if s.settled.Load() == term {
		index := s.raft.CommitIndex()
		if err := s.ask(ctx, s.raft.VerifyLeader()); err != nil {
			return err
		}
		if s.machine.seen.Load() >= index {
			return s.machine.err()
		}
	}
	barrier := s.raft.Barrier(rpcTimeout)
	if err := s.ask(ctx, barrier); err != nil {
		return err
	}
	if entry, ok := barrier.(raft.IndexFuture); ok {
		s.machine.advance(entry.Index())
	}
	s.settled.Store(term)
	return s.machine.err()
}

// ask waits for a future within ctx. The goroutine ends with Raft's answer.
func (s *Store) ask(ctx context.Context, future raft.Future) error {
	s.mu.Lock()
	if s.ending {
		s.mu.Unlock()
		return s.gone()
	}
	s.inflight.Add(1)
	s.mu.Unlock()
	got := make(chan error, 1)
	go func() {
		defer s.inflight.Done()
		got <- future.Error()
	}()
	select {
	case err := <-got:
		switch {
		case err == nil:
			return nil
		case errors.Is(err, raft.ErrRaftShutdown):
			return s.gone()
		default: // leadership is in doubt; nothing was written
			return errRefused
		}
	case <-s.stopped: // Raft forgets some questions when it shuts down
		return s.gone()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNoLeader, context.Cause(ctx))
	}
}

func (s *Store) running() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}
