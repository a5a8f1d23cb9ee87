package node

import (
	"context"
	"errors"
	"sync"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/node/api"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/view"
)

// follower keeps the view of a machine that is no controller up to date from
// any controller that answers.
type follower struct {
	life *life
	news chan struct{} // own facts to tell

	mu   sync.Mutex
	from identity.NodeID // controller followed now; zero is none
}

func newFollower(l *life) *follower {
	return &follower{life: l, news: make(chan struct{}, 1)}
}

// tell makes the follower hand in this machine's own facts anew.
func (f *follower) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

func (f *follower) following() identity.NodeID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.from
}

func (f *follower) set(id identity.NodeID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from = id
}

// run follows one controller after the other until ctx ends. That none
// answers is a state to live with, not an error.
func (f *follower) run(ctx context.Context) error {
	const shortest, longest = 200 * time.Millisecond, 15 * time.Second
	wait := shortest
	for {
		for _, door := range f.life.doors() {
			began := time.Now()
			err := f.follow(ctx, door)
			f.set(identity.NodeID{})
			if ctx.Err() != nil {
				return nil
			}
			if time.Since(began) > longest {
				wait = shortest
			}
			f.life.log.Info("controller does not answer", "part", "follow", "node", door.Node.Short(), "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(wait)):
		}
		wait = min(2*wait, longest)
	}
}

// fetch follows until there is a view: this machine has lost its own and can
// do nothing without.
func (f *follower) fetch(ctx context.Context) error {
	f.life.log.Warn("view is missing; asking the controllers for it", "part", "follow")
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- f.run(ctx) }()
	defer func() { cancel(); <-done }()
	for {
		watch := f.life.view.Watch()
		if f.life.view.Now().Log != nil {
			return nil
		}
		select {
		case <-watch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow takes over what one controller sends until it stops.
func (f *follower) follow(ctx context.Context, door ordering.Door) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := client.NewController(f.life.key, door.Node, door.Addresses)
	defer c.Close()
	now := f.life.view.Now()
	req := &warrenv1.FollowRequest{Mesh: f.life.mesh[:], Facts: f.life.facts()}
	if now.Log != nil {
		head := now.Log.Head()
		hash := now.PolicyHash()
		req.Entries, req.Head, req.Policy = now.Log.Len(), head[:], hash[:]
	}
	stream, err := c.Follow(ctx, req)
	if err != nil {
		return err
	}
	defer stream.Close()
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		f.announce(ctx, c)
	}()
	defer func() { cancel(); <-done }()
	for stream.Receive() {
		v := stream.Msg()
		if id := identity.NodeID(pad(v.GetController())); id == door.Node {
			f.set(id)
		}
		if _, err := f.life.view.Merge(v); err != nil {
			if errors.Is(err, view.ErrFork) {
				f.life.log.Error("controller tells another history than this machine holds", "node", door.Node.Short(), "err", err)
			}
			return err
		}
	}
	return stream.Err()
}

// announce hands in own facts when they change. A failed call is repeated by
// the next Follow, which carries them too.
func (f *follower) announce(ctx context.Context, c *client.Controller) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.news:
		}
		ask, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := c.Announce(ask, &warrenv1.AnnounceRequest{Facts: f.life.facts()})
		cancel()
		if err != nil && fault.KindOf(err) != fault.Unavailable {
			f.life.log.Warn("own endpoints were refused", "err", err)
		}
	}
}

func (f *follower) controllers() []api.Controller {
	now := f.life.view.Now()
	if now.Log == nil {
		return nil
	}
	from := f.following()
	var out []api.Controller
	for _, id := range now.Log.Controllers() {
		out = append(out, api.Controller{ID: id, Voter: true, Reachable: id == from})
	}
	return out
}

// doors lists the controllers and where they were last known to be: their own
// statements first, then what the invite said.
func (l *life) doors() []ordering.Door {
	var ids []identity.NodeID
	if log := l.view.Now().Log; log != nil {
		ids = log.Controllers()
	}
	invited := map[identity.NodeID]bool{}
	for _, c := range l.membership().Controllers {
		if id, err := identity.ParseNodeID(c.Node); err == nil {
			invited[id] = true
		}
	}
	if len(ids) == 0 {
		for id := range invited {
			ids = append(ids, id)
		}
	}
	var out []ordering.Door
	for _, id := range ids {
		if id != l.key.ID() {
			out = append(out, ordering.Door{Node: id, Addresses: l.addressesOf(id)})
		}
	}
	return out
}

// addressesOf are a controller's underlay addresses: UDP and TCP share ports.
func (l *life) addressesOf(id identity.NodeID) []string {
	var out []string
	add := func(a string) {
		for _, have := range out {
			if have == a {
				return
			}
		}
		out = append(out, a)
	}
	if e, ok := l.view.Facts().Endpoints(id); ok {
		for _, a := range e.Addresses {
			add(a.String())
		}
		for _, p := range e.Public {
			add(p)
		}
	}
	for _, c := range l.membership().Controllers {
		if c.Node == id.String() {
			add(c.Address)
		}
	}
	return out
}

func pad(b []byte) (out [16]byte) {
	copy(out[:], b)
	return out
}
