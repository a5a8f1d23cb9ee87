package ordering

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
)

// Council is the Authority of a controller: through its own replica where it
// leads, else through the one that does. Before its replica has caught up, and
// once its right is revoked, it is as Remote.
type Council struct {
	Local
	Remote Remote
	Self   identity.NodeID
	// Ordering tells that this machine still has the right to order.
	Ordering func() bool

	lines   lines
	seating sync.Mutex // one change of the cluster at a time
}

// Propose implements Authority. The replica here has the change when it
// returns, as far as it is not cut off.
func (c *Council) Propose(ctx context.Context, body proto.Message) (uint64, error) {
	if !c.Ordering() {
		return c.Remote.Propose(ctx, body)
	}
	made, err := command.New(body)
	if err != nil {
		return 0, err
	}
	raw, err := made.Encode()
	if err != nil {
		return 0, err
	}
	var revision uint64
	err = c.lead(ctx, Patience, func(ctx context.Context) error {
		revision, err = c.Local.Propose(ctx, body)
		return err
	}, func(ctx context.Context, at *client.Controller) error {
		res, err := at.Council.Order(ctx, &warrenv1.OrderRequest{Command: raw})
		revision = res.GetRevision()
		return err
	})
	if err != nil {
		return revision, sentinel(err)
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	_ = c.Store.Reach(ctx, revision) // it is ordered, whether it has come here or not
	return revision, nil
}

// Current makes the next read of this controller's replica linearisable,
// whoever leads.
func (c *Council) Current(ctx context.Context) error {
	var revision uint64
	err := c.lead(ctx, Patience, func(ctx context.Context) error {
		var err error
		revision, err = c.Local.Current(ctx)
		return err
	}, func(ctx context.Context, at *client.Controller) error {
		res, err := at.Council.Current(ctx, &warrenv1.CurrentRequest{})
		revision = res.GetRevision()
		return err
	})
	if err != nil {
		return sentinel(err)
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return Fault(c.Store.Reach(ctx, revision))
}

// Ledger implements Authority.
func (c *Council) Ledger(ctx context.Context) (*warrenv1.LedgerResponse, error) {
	if !c.caughtUp() {
		return c.Remote.Ledger(ctx)
	}
	if err := c.Current(ctx); err != nil {
		return nil, err
	}
	return LedgerOf(c.Store.State().Snapshot()), nil
}

// Renew implements Authority: a controller's record has no end.
func (c *Council) Renew(context.Context, *warrenv1.Statement) error { return nil }

// caughtUp tells that the replica can be read. A controller that knows no
// other waits for its own.
func (c *Council) caughtUp() bool {
	if !c.Ordering() {
		return false
	}
	select {
	case <-c.Founded:
		return true
	default:
		return len(c.Remote.Doors()) == 0
	}
}

// Leads tells whether this controller is the leader, as far as it knows.
func (c *Council) Leads() bool {
	leader, known := c.Store.Leader()
	return known && leader == c.Self
}

// lead has the leader answer: here where this controller leads, else there. No
// more than Patience is spent on finding it, and limit in all. Only what was
// certainly not begun is tried again.
func (c *Council) lead(ctx context.Context, limit time.Duration, here func(context.Context) error, there func(context.Context, *client.Controller) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	patience := time.After(Patience)
	var last error
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		changed := c.Store.Changed()
		if c.Ordering() && c.Leads() {
			err := here(ctx)
			if !again(err) {
				return err
			}
			last = err
		} else {
			for _, door := range c.doors() {
				err := c.lines.ask(ctx, c.Remote.Key, door, there)
				if !again(err) {
					return err
				}
				last = err
			}
		}
		select {
		case <-changed:
		case <-time.After(wait):
		case <-patience:
			return leaderless(last)
		case <-ctx.Done():
			return leaderless(last)
		}
	}
}

func leaderless(last error) error {
	if last == nil {
		last = errors.New("no other is known")
	}
	return fault.New(fault.Unavailable, "no controller leads just now: %w", last).Try("again in a moment").Because("no-leader")
}

// doors are the leader's, where it is known, else all.
func (c *Council) doors() []Door {
	doors := c.Remote.Doors()
	leader, known := c.Store.Leader()
	if at := slices.IndexFunc(doors, func(d Door) bool { return d.Node == leader }); known && at >= 0 {
		return doors[at : at+1]
	}
	return doors
}

// lines keeps the way to the leader open from one question to the next.
type lines struct {
	mu   sync.Mutex
	door Door
	line *client.Controller
}

func (l *lines) ask(ctx context.Context, key identity.NodeKey, door Door, ask func(context.Context, *client.Controller) error) error {
	l.mu.Lock()
	if l.line == nil || l.door.Node != door.Node || !slices.Equal(l.door.Addresses, door.Addresses) {
		if l.line != nil {
			l.line.Close()
		}
		l.door, l.line = door, client.NewController(key, door.Node, door.Addresses)
	}
	line := l.line
	l.mu.Unlock()
	return ask(ctx, line)
}

// Close drops the connection that is kept.
func (c *Council) Close() {
	c.lines.mu.Lock()
	defer c.lines.mu.Unlock()
	if c.lines.line != nil {
		c.lines.line.Close()
		c.lines.line = nil
	}
}

// Seat implements Authority.
func (c *Council) Seat(ctx context.Context, node identity.NodeID) (voters int, err error) {
	if !c.Ordering() {
		return c.Remote.Seat(ctx, node)
	}
	err = c.lead(ctx, SeatTime, func(ctx context.Context) error {
		voters, err = c.SeatHere(ctx, node)
		return err
	}, func(ctx context.Context, at *client.Controller) error {
		res, err := at.Council.Seat(ctx, &warrenv1.SeatRequest{Node: node[:]})
		voters = int(res.GetVoters())
		return err
	})
	return voters, sentinel(err)
}

// Unseat implements Authority.
func (c *Council) Unseat(ctx context.Context, node identity.NodeID, revocation *warrenv1.Statement) (voters int, err error) {
	if !c.Ordering() {
		return c.Remote.Unseat(ctx, node, revocation)
	}
	err = c.lead(ctx, 2*Patience, func(ctx context.Context) error {
		voters, err = c.UnseatHere(ctx, node, revocation)
		return err
	}, func(ctx context.Context, at *client.Controller) error {
		res, err := at.Council.Unseat(ctx, &warrenv1.UnseatRequest{Node: node[:], Revocation: revocation})
		voters = int(res.GetVoters())
		return err
	})
	return voters, sentinel(err)
}
