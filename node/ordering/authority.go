package ordering

import (
	"context"
	"errors"
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
}

// Local is the Authority of a controller.
type Local struct {
	Store *store.Store
	// Founded is closed once the store holds the mesh; before, there is
	// nothing a command could refer to.
	Founded <-chan struct{}
}

// Propose implements Authority.
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
		return fault.New(fault.Unavailable, "this controller has not founded its mesh yet").Because("no-leader")
	}
}

// Current returns when the replica holds all that was ordered before the
// call: a controller that has just started reads its log anew, and would deny
// what it has acknowledged.
func (l Local) Current(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if err := l.founded(ctx); err != nil {
		return err
	}
	return Fault(l.Store.Verify(ctx))
}

// Ledger implements Authority.
func (l Local) Ledger(ctx context.Context) (*warrenv1.LedgerResponse, error) {
	if err := l.Current(ctx); err != nil {
		return nil, err
	}
	return LedgerOf(l.Store.State().Snapshot()), nil
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

// Renew implements Authority: a controller's record has no end.
func (l Local) Renew(context.Context, *warrenv1.Statement) error { return nil }

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

// try asks one controller after the other until one answers or Patience ends.
// Only what was certainly not begun is tried again.
func (r Remote) try(ctx context.Context, ask func(context.Context, *client.Controller) error) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
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
			if last == nil {
				last = errors.New("none is known")
			}
			return fault.New(fault.Unavailable, "no controller answers: %w", last).Try("warren status").Because("no-controller")
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
