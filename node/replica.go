package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/store"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/api"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/port"
)

// replica is a controller's copy of what all agree on, and what it does with
// it: feed this machine's own view, and answer newcomers.
type replica struct {
	life    *life
	store   *store.Store
	desk    *enrol.Desk
	founded chan struct{} // closed when the store holds the mesh
}

// local orders commands through this replica.
func (r *replica) local() ordering.Local {
	return ordering.Local{Store: r.store, Founded: r.founded}
}

func (l *life) openReplica() (*replica, error) {
	s, err := store.Open(store.Config{
		Dir: l.cfg.Dir.Raft(), Self: l.key.ID(), Mesh: l.mesh, Transport: raftLayer{l}, Log: l.log,
	})
	switch {
	case errors.Is(err, store.ErrInUse), errors.Is(err, store.ErrForeign):
		return nil, fault.New(fault.Conflict, "%w", err)
	case err != nil:
		return nil, fault.New(fault.Invalid, "%s: %w", l.cfg.Dir.Raft(), err).Try("restore it from a backup")
	}
	r := &replica{life: l, store: s, founded: make(chan struct{})}
	r.desk = enrol.NewDesk(l.mesh, r, l.log.With("part", "desk"))
	return r, nil
}

// State, Current, Propose, Enter, Learn and Whole are what the Desk works with.
func (r *replica) State() *state.State { return r.store.State() }

func (r *replica) Current(ctx context.Context) error { return r.local().Current(ctx) }

func (r *replica) Propose(ctx context.Context, body proto.Message) (uint64, error) {
	return r.local().Propose(ctx, body)
}

// Enter appends an entry that this controller signs, for its place and time
// alone: the right to it is inside. Where others append at the same moment it
// signs anew on top of theirs.
func (r *replica) Enter(ctx context.Context, body any, done func(*trust.Log) bool) error {
	const tries = 20
	for range tries {
		log := r.State().Snapshot().Log()
		if done(log) {
			return nil
		}
		entry, err := trust.SignEntry(log.Draft(time.Now(), body), r.life.key.Signer())
		if err != nil {
			return err
		}
		if _, err := log.Append(entry); err != nil { // nothing is written for what will be refused
			return fault.New(fault.Denied, "%w", err)
		}
		_, err = r.Propose(ctx, &warrenv1.EntriesAppended{Entries: []*warrenv1.Statement{entry}})
		if !errors.Is(err, state.ErrStale) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "too many changes at once").Try("the same again")
}

func (r *replica) Learn(s *warrenv1.Statement) {
	if _, err := r.life.view.Facts().Merge(s); err != nil {
		r.life.log.Debug("newcomer's keys were not kept", "err", err)
	}
}

func (r *replica) Whole() *warrenv1.View {
	if err := r.adopt(); err != nil {
		r.life.log.Warn("own view is behind", "err", err)
	}
	return r.life.view.Whole()
}

// run keeps the store running, founds the mesh if this is its first start, and
// hands every change to the view.
func (r *replica) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.store.Run(ctx) })
	g.Go(func() error { return r.feed(ctx) })
	return g.Wait()
}

// begin proposes the entries that init signed, until they are ordered.
func (r *replica) begin(ctx context.Context) error {
	now := r.life.view.Now()
	c, err := command.New(&warrenv1.MeshFounded{Entries: now.Log.Entries(0), Policy: now.PolicyText})
	if err != nil {
		return err
	}
	err = r.store.Bootstrap(ctx, c)
	if errors.Is(err, state.ErrFounded) {
		return fault.New(fault.Conflict, "the folder %s belongs to another mesh", r.life.cfg.Dir.Raft())
	}
	return err
}

func (r *replica) feed(ctx context.Context) error {
	founded := false
	for {
		watch, elected := r.State().Watch(), r.store.Changed()
		if r.State().Snapshot().Log() == nil {
			if err := r.begin(ctx); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("found the mesh: %w", err)
			}
			continue
		}
		if err := r.adopt(); err != nil {
			return err
		}
		if !founded {
			founded = true
			close(r.founded)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-elected:
		}
	}
}

func (r *replica) adopt() error {
	v := r.State().Snapshot()
	if v.Log() == nil {
		return nil
	}
	leader, _ := r.store.Leader()
	return r.life.view.Adopt(v.Log(), v.Policy(), v.Revision(), r.life.key.ID(), leader)
}

func (r *replica) controllers() []api.Controller {
	voters := map[identity.NodeID]bool{}
	for _, v := range r.store.Voters() {
		voters[v.Node] = v.Votes
	}
	var out []api.Controller
	for _, id := range r.life.view.Now().Log.Controllers() {
		out = append(out, api.Controller{ID: id, Voter: voters[id], Reachable: id == r.life.key.ID()})
	}
	return out
}

// raftLayer carries Raft between controllers on the node port.
type raftLayer struct{ life *life }

func (l raftLayer) Accept() (net.Conn, error) { return l.life.port.Protocol(port.Raft).Accept() }
func (l raftLayer) Close() error              { return l.life.port.Protocol(port.Raft).Close() }
func (l raftLayer) Addr() net.Addr            { return raftAddr(l.life.key.ID().String()) }

func (l raftLayer) Dial(address store.Address, timeout time.Duration) (net.Conn, error) {
	id, err := identity.ParseNodeID(string(address))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return port.DialAny(ctx, l.life.key, id, port.Raft, l.life.addressesOf(id))
}

type raftAddr string

func (raftAddr) Network() string  { return "warren" }
func (a raftAddr) String() string { return string(a) }
