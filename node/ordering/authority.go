package ordering

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/store"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
)

// Patience is how long a write waits for a leader.
const Patience = 10 * time.Second

// Authority orders commands and lists what only controllers keep.
type Authority interface {
	// Propose orders the command with that body and gives its revision.
	Propose(ctx context.Context, body proto.Message) (revision uint64, err error)
	// Ledger lists invites and claims.
	Ledger(ctx context.Context) (*warrenv1.LedgerResponse, error)
	// Renew hands in this machine's own StillHere.
	Renew(ctx context.Context, here *warrenv1.Statement) error
	// Seat gives a controller its vote, and returns when it votes. It gives the
	// number of those who do.
	Seat(ctx context.Context, node identity.NodeID) (voters int, err error)
	// Unseat takes a controller out of the cluster, then orders the revocation
	// of its right, or of the machine.
	Unseat(ctx context.Context, node identity.NodeID, revocation *warrenv1.Statement) (voters int, err error)
}

// Local is what a controller does by itself; most of it only the leader can,
// and the others answer that no-leader is here.
type Local struct {
	Store *store.Store
	// Founded is closed once the store holds what this machine has seen of the
	// mesh; before, there is nothing a command could refer to.
	Founded <-chan struct{}
}

// Propose orders a command on the leader.
func (l Local) Propose(ctx context.Context, body proto.Message) (uint64, error) {
	c, err := command.New(body)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if err := l.founded(ctx); err != nil {
		return 0, err
	}
	revision, err := l.Store.Propose(ctx, c)
	return revision, Fault(err)
}

func (l Local) founded(ctx context.Context) error {
	select {
	case <-l.Founded:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "this controller does not hold its mesh yet").Because("no-leader")
	}
}

// Current returns when the leader's replica holds all that was ordered before
// the call, with its revision: a controller that has just started reads its log
// anew, and would deny what it has acknowledged.
func (l Local) Current(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if err := l.founded(ctx); err != nil {
		return 0, err
	}
	revision, err := l.Store.Current(ctx)
	return revision, Fault(err)
}

// LedgerOf lists a replica's invites and claims.
func LedgerOf(s state.View) *warrenv1.LedgerResponse {
	out := &warrenv1.LedgerResponse{Revision: s.Revision()}
	for _, i := range s.Invites() {
		out.Invites = append(out.Invites, i.Statement)
	}
	for _, c := range s.Claims() {
		out.Claims = append(out.Claims, &warrenv1.StoredClaim{
			Claim: c.Statement, From: c.From, Time: c.Time.UnixMilli(), State: c.State,
		})
	}
	return out
}

// Door is one controller and where it was last known to be.
type Door struct {
	Node      identity.NodeID
	Addresses []string
}

// Remote is the Authority of everyone else: the first controller that answers.
type Remote struct {
	Key identity.NodeKey
	// Doors lists the controllers, the most promising first.
	Doors func() []Door
}

// Propose implements Authority.
func (r Remote) Propose(ctx context.Context, body proto.Message) (uint64, error) {
	c, err := command.New(body)
	if err != nil {
		return 0, err
	}
	raw, err := c.Encode()
	if err != nil {
		return 0, err
	}
	var revision uint64
	err = r.try(ctx, func(ctx context.Context, at *client.Controller) error {
		res, err := at.Propose(ctx, &warrenv1.ProposeRequest{Command: raw})
		revision = res.GetRevision()
		return err
	})
	return revision, sentinel(err)
}

// Ledger implements Authority.
func (r Remote) Ledger(ctx context.Context) (*warrenv1.LedgerResponse, error) {
	var out *warrenv1.LedgerResponse
	err := r.try(ctx, func(ctx context.Context, at *client.Controller) error {
		var err error
		out, err = at.Ledger(ctx, &warrenv1.LedgerRequest{})
		return err
	})
	return out, sentinel(err)
}

// Renew implements Authority.
func (r Remote) Renew(ctx context.Context, here *warrenv1.Statement) error {
	return sentinel(r.try(ctx, func(ctx context.Context, at *client.Controller) error {
		_, err := at.Renew(ctx, &warrenv1.RenewRequest{Statement: here})
		return err
	}))
}

// SeatTime bounds how long a new voter may take to catch up.
const SeatTime = 2 * time.Minute

// Seat implements Authority.
func (r Remote) Seat(ctx context.Context, node identity.NodeID) (int, error) {
	var voters int
	err := r.within(ctx, SeatTime, func(ctx context.Context, at *client.Controller) error {
		res, err := at.Council.Seat(ctx, &warrenv1.SeatRequest{Node: node[:]})
		voters = int(res.GetVoters())
		return err
	})
	return voters, sentinel(err)
}

// Unseat implements Authority.
func (r Remote) Unseat(ctx context.Context, node identity.NodeID, revocation *warrenv1.Statement) (int, error) {
	var voters int
	all := r.Doors
	r.Doors = func() []Door { return but(all(), node) }
	err := r.try(ctx, func(ctx context.Context, at *client.Controller) error {
		res, err := at.Council.Unseat(ctx, &warrenv1.UnseatRequest{Node: node[:], Revocation: revocation})
		voters = int(res.GetVoters())
		return err
	})
	return voters, sentinel(err)
}

// but is the controllers without one that is about to lose its right: its
// connections end with that, before its answer is out. The last one that is
// known is asked all the same: it refuses.
func but(all []Door, node identity.NodeID) []Door {
	others := slices.DeleteFunc(slices.Clone(all), func(d Door) bool { return d.Node == node })
	if len(others) == 0 {
		return all
	}
	return others
}

// try asks one controller after the other until one answers or Patience ends.
// Only what was certainly not begun is tried again.
func (r Remote) try(ctx context.Context, ask func(context.Context, *client.Controller) error) error {
	return r.within(ctx, Patience, ask)
}

// within gives an answer that came about until limit, and those who can give
// none until Patience.
func (r Remote) within(ctx context.Context, limit time.Duration, ask func(context.Context, *client.Controller) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	patience := time.After(Patience)
	var last error
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		for _, door := range r.Doors() {
			at := client.NewController(r.Key, door.Node, door.Addresses)
			err := ask(ctx, at)
			at.Close()
			if !again(err) {
				return err
			}
			last = err
		}
		select {
		case <-ctx.Done():
			return client.Unanswered(last)
		case <-patience:
			return client.Unanswered(last)
		case <-time.After(wait):
		}
	}
}

// again tells whether err means that nothing was begun.
func again(err error) bool {
	if err == nil {
		return false
	}
	switch fault.Of(err).Reason {
	case client.Unreached, "no-leader":
		return true
	}
	return false
}
