package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state"
	"warren/consensus/store"
	"warren/consensus/trust"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/rescue"
	"warren/node/view"
)

// replica is a controller's copy of what all agree on, and what it does with
// it: feed this machine's own view, and answer newcomers.
type replica struct {
	life    *life
	store   *store.Store
	layer   *raftLayer
	council *ordering.Council
	desk    *enrol.Desk
	founded chan struct{} // closed when the store holds what this machine had seen
}

// ordering tells that this machine has still the right to order.
func (r *replica) ordering() bool { return r.life.view.Now().Log.IsController(r.life.key.ID()) }

// current tells that the replica was once as far as this machine.
func (r *replica) current() bool {
	select {
	case <-r.founded:
		return true
	default:
		return false
	}
}

// fillsUp is from when on people are told, in percent: at 75 machines are
// refused, at 87 people (consensus/state).
const fillsUp = 60

// warnings are what a person should know of this controller's copy.
func (r *replica) warnings() []string {
	if r == nil {
		return nil
	}
	if n := r.State().Snapshot().Filled(); n >= fillsUp {
		return []string{fmt.Sprintf("what the controllers keep of this mesh is at %d %% of what fits, most of it the audit log; at 75 %% notes of sessions and newcomers are refused", n)}
	}
	return nil
}

func (l *life) openReplica() (*replica, error) {
	layer := newRaftLayer(l)
	s, err := store.Open(store.Config{
		Dir: l.cfg.Dir.Raft(), Self: l.key.ID(), Mesh: l.mesh, Transport: layer, Log: l.log,
	})
	switch {
	case errors.Is(err, store.ErrInUse), errors.Is(err, store.ErrForeign):
		return nil, fault.New(fault.Conflict, "%w", err)
	case errors.Is(err, store.ErrDamaged):
		return nil, fault.New(fault.Internal, "%w", err).Because("corrupt").
			Try("restore it from a backup; or, where other controllers are up, remove this one there and let it join anew")
	case err != nil:
		return nil, fault.New(fault.Invalid, "%s: %w", l.cfg.Dir.Raft(), err).Try("restore it from a backup")
	}
	r := &replica{life: l, store: s, layer: layer, founded: make(chan struct{})}
	r.council = &ordering.Council{
		Local: ordering.Local{Store: s, Founded: r.founded}, Remote: l.remote(), Self: l.key.ID(), Ordering: r.ordering,
	}
	r.desk = enrol.NewDesk(l.mesh, r, l.log.With("part", "desk"))
	return r, nil
}

// State, Current, Propose, Enter, Learn and Whole are what the Desk works with.
func (r *replica) State() *state.State { return r.store.State() }

func (r *replica) Current(ctx context.Context) error { return r.council.Current(ctx) }

func (r *replica) Propose(ctx context.Context, body proto.Message) (uint64, error) {
	return r.council.Propose(ctx, body)
}

// Enter appends an entry that this controller signs, for its place and time
// alone: the right to it is inside. Where others append at the same moment it
// signs anew on top of theirs.
func (r *replica) Enter(ctx context.Context, body any, done func(*trust.Log) bool) error {
	const tries = 20
	for range tries {
		if err := r.Current(ctx); err != nil {
			return err
		}
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
	news, err := r.life.view.Facts().Merge(s)
	if err != nil {
		r.life.log.Debug("newcomer's keys were not kept", "err", err)
	} else if news {
		r.life.gossip.Say(s)
	}
}

func (r *replica) Whole() *warrenv1.View {
	if err := r.adopt(); err != nil {
		r.life.log.Warn("own view is behind", "err", err)
	}
	return r.life.view.Whole()
}

// run keeps the store running, founds the mesh if this is its first start, and
// hands every change to the view. It ends where this machine's right to order
// does; the machine goes on without.
func (r *replica) run(ctx context.Context) error {
	defer r.council.Close()
	g, ctx := errgroup.WithContext(ctx)
	work, stop := context.WithCancel(ctx)
	g.Go(func() error { return r.store.Run(work) })
	g.Go(func() error {
		defer stop()
		return r.feed(work)
	})
	g.Go(func() error { return r.govern(work) })
	return g.Wait()
}

// begin proposes the entries that init signed, until they are ordered.
func (r *replica) begin(ctx context.Context) error {
	now := r.life.view.Now()
	c, err := command.New(&warrenv1.MeshFounded{
		Entries: now.Log.Entries(0), Policy: now.PolicyText, Format: command.Newest,
	})
	if err != nil {
		return err
	}
	err = r.store.Bootstrap(ctx, c)
	if errors.Is(err, state.ErrFounded) {
		return fault.New(fault.Conflict, "the folder %s belongs to another mesh", r.life.cfg.Dir.Raft())
	}
	return err
}

// founding tells that it is this machine's to begin the cluster: it founded the
// mesh, and no other controller can hold it.
func (r *replica) founding() bool {
	log := r.life.view.Now().Log
	return r.life.membership().Founder && len(log.Controllers()) == 1 && r.State().Snapshot().Log() == nil
}

func (r *replica) feed(ctx context.Context) error {
	for {
		watch, elected, seen := r.State().Watch(), r.store.Changed(), r.life.view.Watch()
		if !r.ordering() {
			r.life.log.Warn("this machine orders no more: its right was revoked", "part", "replica")
			return nil
		}
		if r.founding() {
			if err := r.begin(ctx); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("found the mesh: %w", err)
			}
			continue
		}
		switch err := r.adopt(); {
		case errors.Is(err, view.ErrFork):
			// The mesh goes on with what this machine holds; status says so.
			r.life.log.Error("own replica tells another history than this machine holds", "part", "replica", "err", err)
		case err != nil:
			return err
		}
		if log := r.State().Snapshot().Log(); !r.current() && log != nil && log.Len() >= r.life.view.Now().Log.Len() {
			close(r.founded)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-elected:
		case <-seen:
		}
	}
}

func (r *replica) adopt() error {
	v := r.State().Snapshot()
	if v.Log() == nil {
		return nil
	}
	at := view.Standing{Self: r.life.key.ID()}
	at.Leader, _ = r.store.Leader()
	for _, voter := range r.store.Voters() {
		if voter.Votes {
			at.Voters = append(at.Voters, voter.Node)
		}
	}
	return r.life.view.Adopt(v.Log(), v.Policy(), v.Revision(), at)
}

// backupTime bounds how long a backup looks for a leader.
const backupTime = 3 * time.Second

// backup is what this machine gives for a backup. It is stale where nobody
// leads: newer changes may be missing.
func (l *life) backup(ctx context.Context) (part []byte, stale bool, err error) {
	if !l.orders() {
		return nil, false, fault.New(fault.Conflict, "this machine is no controller, and has nothing that could be restored").Try("it on a controller; warren controllers lists them")
	}
	r := l.replica
	bounded, cancel := context.WithTimeout(ctx, backupTime)
	defer cancel()
	stale = r.Current(bounded) != nil
	s := r.State().Snapshot()
	if s.Log() == nil {
		return nil, false, fault.New(fault.Unavailable, "this controller has not caught up yet").Try("again in a moment")
	}
	d, _ := s.Log().Device(l.key.ID())
	part, err = rescue.Part(s, l.view.Facts().All(), d.Name, time.Now())
	return part, stale, err
}
