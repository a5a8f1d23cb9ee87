package ordering

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/store"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
)

// standTime bounds how long a controller may take to say how far it is.
const standTime = 2 * time.Second

// Standing is how far this controller has come.
func (c *Council) Standing() *warrenv1.StandingResponse {
	return &warrenv1.StandingResponse{
		Applied: c.Store.Applied(), Revision: c.Store.State().Revision(), Format: command.Newest,
	}
}

// standing asks another controller how far it has come.
func (c *Council) standing(ctx context.Context, node identity.NodeID) (*warrenv1.StandingResponse, error) {
	if node == c.Self {
		return c.Standing(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, standTime)
	defer cancel()
	for _, door := range c.Remote.Doors() {
		if door.Node == node {
			at := client.NewController(c.Remote.Key, door.Node, door.Addresses)
			defer at.Close()
			return at.Council.Standing(ctx, &warrenv1.StandingRequest{})
		}
	}
	return nil, fault.New(fault.NotFound, "%s is no controller", node.Short())
}

// SeatHere is Seat on the leader. Elsewhere the error's reason is no-leader.
func (c *Council) SeatHere(ctx context.Context, node identity.NodeID) (int, error) {
	if err := c.founded(ctx); err != nil {
		return 0, err
	}
	if log := c.Store.State().Log(); !log.IsController(node) {
		return 0, fault.New(fault.Conflict, "%s has no right to order", nameOf(log, node)).Because("no-controller")
	}
	if err := c.answers(ctx, node); err != nil {
		return 0, err
	}
	err := c.Store.Promote(ctx, node, func(ctx context.Context, node identity.NodeID) (uint64, error) {
		s, err := c.standing(ctx, node)
		return s.GetApplied(), err
	})
	return c.voters(), Fault(err)
}

// answers waits for a controller's first word, up to Patience.
func (c *Council) answers(ctx context.Context, node identity.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		s, err := c.standing(ctx, node)
		if err == nil {
			return c.fit(node, s)
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "%s does not answer the leader: %w", nameOf(c.Store.State().Log(), node), err).
				Try("warren up there, and whether the controllers reach it")
		case <-time.After(standTime / 10):
		}
	}
}

// fit refuses a controller that would stop at what the mesh writes.
func (c *Council) fit(node identity.NodeID, s *warrenv1.StandingResponse) error {
	view := c.Store.State().Snapshot()
	if s.GetFormat() >= view.Format() {
		return nil
	}
	return fault.New(fault.Conflict, "%s runs a version of warren that is too old for this mesh", nameOf(view.Log(), node)).
		Because("format").Try("the version of the other controllers on %s", nameOf(view.Log(), node))
}

func nameOf(log *trust.Log, node identity.NodeID) string {
	if log != nil {
		if d, ok := log.Device(node); ok {
			return d.Name
		}
	}
	return node.Short()
}

func (c *Council) voters() int { return len(c.ballot()) }

// ballot are those who vote.
func (c *Council) ballot() []identity.NodeID {
	var out []identity.NodeID
	for _, v := range c.Store.Voters() {
		if v.Votes {
			out = append(out, v.Node)
		}
	}
	return out
}

// UnseatHere is Unseat on the leader. Elsewhere, and on a leader that is to go
// and has handed over, the error's reason is no-leader. It is a conflict where
// those who stay could decide nothing.
func (c *Council) UnseatHere(ctx context.Context, node identity.NodeID, revocation *warrenv1.Statement) (int, error) {
	if err := c.founded(ctx); err != nil {
		return 0, err
	}
	c.seating.Lock()
	defer c.seating.Unlock()
	log := c.Store.State().Log()
	if _, err := log.Revoke(revocation); err != nil {
		return 0, fault.New(fault.Denied, "%w", err)
	}
	if rest := slices.DeleteFunc(c.ballot(), func(id identity.NodeID) bool { return id == node }); len(rest) < c.voters() {
		if err := c.suffice(ctx, nameOf(log, node), rest); err != nil {
			return 0, err
		}
	}
	// First out of the cluster: of two voters the one that stays could not
	// remove the other once that one is no longer heard.
	if err := c.Store.Remove(ctx, node); err != nil {
		if errors.Is(err, store.ErrLastVoter) {
			return 0, lastVoter(nameOf(log, node))
		}
		return 0, Fault(err)
	}
	_, err := c.Local.Propose(ctx, &warrenv1.Revoked{Revocation: revocation})
	return c.voters(), err
}

func lastVoter(name string) error {
	return fault.New(fault.Conflict, "%s is the only controller that votes", name).Because("last-voter").
		Try("warren controllers add NODE first")
}

// suffice asks whether those who stay are enough to decide anything.
func (c *Council) suffice(ctx context.Context, name string, rest []identity.NodeID) error {
	if len(rest) == 0 {
		return lastVoter(name)
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	var away []string
	for _, id := range rest {
		wait.Go(func() {
			if _, err := c.standing(ctx, id); err != nil {
				mu.Lock()
				defer mu.Unlock()
				away = append(away, nameOf(c.Store.State().Log(), id))
			}
		})
	}
	wait.Wait()
	if up := len(rest) - len(away); up >= len(rest)/2+1 {
		return nil
	}
	slices.Sort(away)
	return fault.New(fault.Conflict, "without %s too few controllers would answer: of %d left, %v do not", name, len(rest), away).
		Because("majority").Try("warren controllers remove %s first", away[0])
}

// Arrange is the leader's care for who is in the cluster: it takes in
// controllers as replicas without a vote, and takes out who is none any more.
func (c *Council) Arrange(ctx context.Context) error {
	c.seating.Lock()
	defer c.seating.Unlock()
	log := c.Store.State().Log()
	if log == nil || !c.Leads() {
		return nil
	}
	var errs []error
	seated := map[identity.NodeID]bool{}
	for _, v := range c.Store.Voters() {
		seated[v.Node] = true
		if !log.IsController(v.Node) {
			errs = append(errs, c.Store.Remove(ctx, v.Node))
		}
	}
	for _, id := range log.Controllers() {
		if seated[id] {
			continue
		}
		s, err := c.standing(ctx, id)
		if err != nil { // who is away is taken in when it is back
			continue
		}
		if err := c.fit(id, s); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, c.Store.AddReplica(ctx, id))
	}
	return errors.Join(append(errs, c.raise(ctx))...)
}

// raise brings the newest format of commands into force that every controller
// with a copy of the log knows. While one does not answer, nothing is raised.
func (c *Council) raise(ctx context.Context) error {
	in := c.Store.State().Snapshot().Format()
	if in >= command.Newest {
		return nil
	}
	lowest := uint32(command.Newest)
	for _, v := range c.Store.Voters() {
		s, err := c.standing(ctx, v.Node)
		if err != nil {
			return nil
		}
		lowest = min(lowest, s.GetFormat())
	}
	if lowest <= in {
		return nil
	}
	_, err := c.Local.Propose(ctx, &warrenv1.FormatRaised{Format: lowest})
	return err
}
