package node

import (
	"context"
	"errors"
	"sync"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/view"
)

// follower keeps the view up to date: a device's from any controller that
// answers, a controller's from all the others, so that what machines state of
// themselves at one of them is known at all.
type follower struct {
	life *life

	mu      sync.Mutex
	news    chan struct{} // closed when there are own facts to tell
	reached map[identity.NodeID]bool
	heard   time.Time     // the last controller that does not answer any more
	grace   time.Duration // what the last one without a leader had
}

func newFollower(l *life) *follower {
	return &follower{life: l, news: make(chan struct{}), reached: map[identity.NodeID]bool{}}
}

// tell makes the follower hand in this machine's own facts anew.
func (f *follower) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.news)
	f.news = make(chan struct{})
}

func (f *follower) told() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.news
}

// follows tells that a controller answers this machine.
func (f *follower) follows(id identity.NodeID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reached[id]
}

func (f *follower) set(id identity.NodeID, reached bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reached[id] {
		f.heard = time.Now()
	}
	f.reached[id] = reached
}

// contact is when a controller was heard last.
func (f *follower) contact() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, reached := range f.reached {
		if reached {
			return time.Now()
		}
	}
	return f.heard
}

// Between attempts.
const shortestWait, longestWait = 200 * time.Millisecond, 15 * time.Second

// run follows until ctx ends. That no controller answers is a state to live
// with, not an error.
func (f *follower) run(ctx context.Context) error {
	if f.life.orders() {
		f.all(ctx) // until the right to order is revoked
	}
	wait := shortestWait
	for ctx.Err() == nil {
		for _, door := range f.life.doors() {
			if f.try(ctx, door) {
				wait = shortestWait
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(jitter(wait)):
		}
		wait = min(2*wait, longestWait)
	}
	return nil
}

// try follows one controller as long as it answers, and tells whether that was
// for a while.
func (f *follower) try(ctx context.Context, door ordering.Door) bool {
	began := time.Now()
	err := f.follow(ctx, door)
	f.set(door.Node, false)
	if ctx.Err() == nil {
		f.life.log.Info("controller does not answer", "part", "follow", "node", door.Node.Short(), "err", err)
	}
	return time.Since(began) > longestWait
}

// byReplica takes out of a View what a controller has from its own replica
// alone. An entry that another controller signed, and that Raft did not order,
// would be a fork that it could never leave.
func byReplica(v *warrenv1.View) {
	v.Controller, v.Leader, v.Voters = nil, nil, nil
	v.FromSequence, v.Entries, v.Policy = 0, nil, nil
}

// all follows every other controller, as long as this one is one itself.
func (f *follower) all(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := map[identity.NodeID]context.CancelFunc{}
	for f.life.orders() {
		seen, doors := f.life.view.Watch(), f.life.doors()
		there := map[identity.NodeID]bool{}
		for _, door := range doors {
			there[door.Node] = true
			if ends[door.Node] == nil {
				one, end := context.WithCancel(ctx)
				ends[door.Node] = end
				running.Go(func() { f.keep(one, door.Node) })
			}
		}
		for id, end := range ends {
			if !there[id] {
				end()
				delete(ends, id)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-seen:
		}
	}
}

// keep follows one controller wherever it is, until ctx ends.
func (f *follower) keep(ctx context.Context, id identity.NodeID) {
	wait := shortestWait
	for ctx.Err() == nil {
		if f.try(ctx, ordering.Door{Node: id, Addresses: f.life.addressesOf(id)}) {
			wait = shortestWait
		}
		select {
		case <-ctx.Done():
		case <-time.After(jitter(wait)):
		}
		wait = min(2*wait, longestWait/3) // a controller that is back soon finds the others
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
	news := f.told() // before the facts are read: none falls between
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
		defer cancel()
		f.announce(ctx, c, news)
	}()
	defer func() { cancel(); <-done }()
	w := f.wait(cancel)
	defer w.leave.Stop()
	for stream.Receive() {
		v := stream.Msg()
		f.set(door.Node, true)
		w.hear(v)
		if r := f.life.replica; r != nil && r.current() && r.ordering() {
			byReplica(v)
		}
		if _, err := f.life.view.Merge(v); err != nil {
			if errors.Is(err, view.ErrFork) {
				f.life.log.Error("controller tells another history than this machine holds", "node", door.Node.Short(), "err", err)
			}
			return err
		}
	}
	if w.left.Load() {
		return errLeaderless
	}
	return stream.Err()
}

// announceTime is what a controller may take to hear where this machine is. A
// machine that has moved is lost to the others until somebody knows.
const announceTime = 2 * time.Second

// announce hands in own facts when they change, until ctx ends or the
// controller does not answer: the next Follow carries them too, to another.
func (f *follower) announce(ctx context.Context, c *client.Controller, news <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-news:
		}
		news = f.told()
		ask, cancel := context.WithTimeout(ctx, announceTime)
		_, err := c.Announce(ask, &warrenv1.AnnounceRequest{Facts: f.life.facts()})
		cancel()
		if fault.KindOf(err) == fault.Unavailable {
			return
		}
		if err != nil {
			f.life.log.Warn("own endpoints were refused", "err", err)
		}
	}
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
