package gossip

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/memberlist"
	"golang.org/x/sync/errgroup"

	"warren/mesh/identity"
)

const (
	// joinWith is how many peers are asked at the beginning and after being
	// alone.
	joinWith = 3
	// One of the peers that are away is tried every meetShare a member that is
	// up, so that the whole pool tries two a second, however large it is. That
	// is what heals a partition: the library forgets the dead.
	meetShare    = 500 * time.Millisecond
	meetShortest = 2 * time.Second
	meetLongest  = 30 * time.Second
	// aloneLongest bounds the wait of a member that meets nobody at all.
	aloneLongest = 8 * time.Second
	// greetPause lies between meeting two peers that were heard.
	greetPause = 50 * time.Millisecond
	// askAgain bounds how often a change of the plan makes us ask a peer whom
	// it knows.
	askAgain = 5 * time.Second
)

// meet joins the pool, and keeps joining what is not in it yet.
func (p *Pool) meet(ctx context.Context, list *memberlist.Memberlist) error {
	// alone is the wait of who meets nobody, settling that of who has just
	// come: where many start at once, some miss each other's first word.
	alone, settling := meetShortest/4, meetShortest
	var asked time.Time
	for {
		online, all := p.roster.count()
		wait := min(max(time.Duration(online)*meetShare, meetShortest), meetLongest, settling)
		settling = min(2*settling, meetLongest)
		switch {
		case all == 0:
			wait = meetLongest
		case online == 0:
			p.join(ctx, list, p.roster.pick(-1, false), joinWith)
			if online, _ = p.roster.count(); online == 0 {
				wait, alone = alone, min(2*alone, aloneLongest)
			} else {
				alone = meetShortest / 4
			}
		case online < all:
			p.join(ctx, list, p.roster.pick(1, false), 1)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(wait)):
		case id := <-p.heard:
			// It is up and knows us; we do not list it.
			if !p.roster.isOnline(id) {
				p.join(ctx, list, []identity.NodeID{id}, 1)
				if !pause(ctx, greetPause) {
					return nil
				}
			}
		case <-p.wanted:
			// Those who are up already came while we did not know them, and
			// will not come again by themselves. Somebody has them listed.
			alone = meetShortest / 4
			if !pause(ctx, rand.N(time.Second)+max(0, askAgain-time.Since(asked))) {
				return nil
			}
			asked = time.Now()
			p.join(ctx, list, p.roster.pick(1, true), 1)
		}
	}
}

// join exchanges lists with peers of ids until want of them have answered, a
// few at a time.
func (p *Pool) join(ctx context.Context, list *memberlist.Memberlist, ids []identity.NodeID, want int) {
	for len(ids) > 0 && want > 0 && ctx.Err() == nil {
		now := ids[:min(len(ids), want)]
		ids = ids[len(now):]
		answered := make(chan struct{}, len(now))
		var g errgroup.Group
		for _, id := range now {
			g.Go(func() error {
				if _, err := list.Join([]string{id.String() + "/" + p.guard.addrPort(id).String()}); err == nil {
					answered <- struct{}{}
				}
				return nil
			})
		}
		_ = g.Wait()
		want -= len(answered)
	}
}

// jitter is d, give or take a quarter.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
