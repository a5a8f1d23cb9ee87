package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"warren/consensus/command"
	"warren/consensus/state"
)

// pause is how long Propose waits where Raft turned it away without a change
// of leader to wait for.
const pause = 10 * time.Millisecond

// Bootstrap makes this controller the only voter of a new cluster and
// proposes founding, a MeshFounded, in it. Called again after a crash at any
// point it goes on where it stopped; with a genesis other than the founded one
// it gives state.ErrFounded. It waits for Run.
func (s *Store) Bootstrap(ctx context.Context, founding command.Command) error {
	if founding.Kind != command.MeshFounded {
		return fmt.Errorf("bootstrap with %s: %w", founding.Kind, state.ErrInvalid)
	}
	if err := s.await(ctx); err != nil {
		return err
	}
	self := s.cfg.Self.String()
	err := s.raft.BootstrapCluster(raft.Configuration{Servers: []raft.Server{
		{Suffrage: raft.Voter, ID: raft.ServerID(self), Address: raft.ServerAddress(self)},
	}}).Error()
	switch {
	case err == nil:
		s.electAlone()
	case !errors.Is(err, raft.ErrCantBootstrap):
		return fmt.Errorf("bootstrap: %w", err)
	}
	_, err = s.Propose(ctx, founding)
	return err
}

// Propose orders one command and waits until it is applied here. It stamps the
// time, waits for a leader until ctx ends, and returns the revision with the
// command in it. Errors are the typed ones of state, NotLeaderError,
// ErrNoLeader, ErrStopped, ErrHalted, ErrUnknownOutcome, and those of
// command.Encode.
func (s *Store) Propose(ctx context.Context, c command.Command) (uint64, error) {
	if err := s.await(ctx); err != nil {
		return 0, err
	}
	for {
		if err := s.lead(ctx); err != nil {
			return 0, err
		}
		if err := s.early(ctx, c.Kind); err != nil {
			return 0, err
		}
		raw, err := c.At(s.cfg.Now()).Encode()
		if err != nil {
			return 0, err
		}
		revision, err := s.apply(ctx, raw)
		if !errors.Is(err, errRefused) {
			return revision, err
		}
		if err := s.wait(ctx, nil, time.After(pause)); err != nil {
			return 0, err
		}
	}
}

// early refuses a kind that not every controller knows, before it is written:
// one that does not would stop at it.
func (s *Store) early(ctx context.Context, kind command.Kind) error {
	if kind == command.MeshFounded || kind.Format() <= s.State().Snapshot().Format() {
		return nil
	}
	if err := s.Verify(ctx); err != nil { // a new leader may be behind
		return err
	}
	if in := s.State().Snapshot().Format(); kind.Format() > in {
		return fmt.Errorf("%w: %s is of format %d, in force is %d", state.ErrEarly, kind, kind.Format(), in)
	}
	return nil
}

// errRefused: Raft did not begin the command and may take it in a moment.
var errRefused = errors.New("refused by raft")

// apply hands bytes to Raft. The goroutine it starts ends with Raft's answer.
func (s *Store) apply(ctx context.Context, raw []byte) (uint64, error) {
	s.mu.Lock()
	if s.ending {
		s.mu.Unlock()
		return 0, s.gone()
	}
	s.inflight.Add(1)
	s.mu.Unlock()

	type answer struct {
		result state.Result
		err    error
	}
	got := make(chan answer, 1)
	go func() {
		defer s.inflight.Done()
		future := s.raft.Apply(raw, rpcTimeout)
		err := future.Error()
		result, _ := future.Response().(state.Result)
		got <- answer{result, err}
	}()
	select {
	case a := <-got:
		return a.result.Revision, outcome(a.err, a.result.Err)
	case <-s.down: // Raft forgets what it has not applied when it shuts down
		return 0, fmt.Errorf("%w: %w", ErrUnknownOutcome, s.gone())
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrUnknownOutcome, context.Cause(ctx))
	}
}

// outcome sorts Raft's errors into refused and unknown.
func outcome(err, refusal error) error {
	switch {
	case err == nil && errors.Is(refusal, ErrHalted):
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, refusal)
	case err == nil:
		return refusal
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrEnqueueTimeout),
		errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return errRefused
	default:
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
}

// await waits for Run to have started Raft.
func (s *Store) await(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.machine.err()
	default:
		return s.wait(ctx, s.ready, nil)
	}
}

// lead waits until a leader is known, and fails if it is another.
func (s *Store) lead(ctx context.Context) error {
	for {
		changed := s.Changed()
		leader, known := s.Leader()
		switch {
		case known && leader == s.cfg.Self:
			return s.machine.err()
		case known:
			return &NotLeaderError{Leader: leader}
		}
		if err := s.wait(ctx, changed, nil); err != nil {
			return err
		}
	}
}

// wait returns nil when event or timer fires.
func (s *Store) wait(ctx context.Context, event <-chan struct{}, timer <-chan time.Time) error {
	select {
	case <-event:
		return nil
	case <-timer:
		return nil
	case <-s.stopped:
		return s.gone()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNoLeader, context.Cause(ctx))
	}
}

// gone is why nothing is served any more.
func (s *Store) gone() error {
	if err := s.machine.err(); err != nil {
		return err
	}
	return ErrStopped
}
