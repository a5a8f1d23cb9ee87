package node

import (
	"errors"
	"sync/atomic"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// A controller that hears of no leader, cut off from the others, learns nothing
// new. It is left for another after a while; where no other has one either,
// after longer and longer.
const shortestGrace, longestGrace = 3 * time.Second, 2 * time.Minute

var errLeaderless = errors.New("it hears of no leader")

// graceful is one Follow's patience with a controller without a leader.
type graceful struct {
	follower *follower
	leave    *time.Timer // ends the Follow
	left     atomic.Bool // it did
	waiting  bool
}

func (f *follower) wait(cancel func()) *graceful {
	g := &graceful{follower: f}
	g.leave = time.AfterFunc(longestGrace, func() { g.left.Store(true); cancel() })
	g.leave.Stop()
	return g
}

// hear sees whether the controller names a leader. Controllers follow all the
// others, and who knows one controller only has no other to go to.
func (g *graceful) hear(v *warrenv1.View) {
	f := g.follower
	leader := v.GetLeader()
	switch led := len(leader) == len(identity.NodeID{}) && !identity.NodeID(leader).IsZero(); {
	case f.life.orders() || len(f.life.doors()) < 2:
	case led:
		g.leave.Stop()
		g.waiting = false
		f.forgive()
	case !g.waiting:
		g.leave.Reset(f.lengthen())
		g.waiting = true
	}
}

// lengthen is how long the next controller without a leader is followed.
func (f *follower) lengthen() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grace = min(max(2*f.grace, shortestGrace), longestGrace)
	return f.grace
}

func (f *follower) forgive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.grace = 0
}
