package gossip

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// A new head concerns all members at the same time, and with a hundred of
	// them their words would fill the library's queue for half a minute. So the
	// first say it within firstShare a member, and those who hear it said take
	// announceShare a member. announceLeast lies between two words of one.
	firstShare      = 20 * time.Millisecond
	firstLongest    = 2 * time.Second
	announceShare   = 500 * time.Millisecond
	announceLongest = time.Minute
	announceLeast   = time.Second
	// slowEvery is how old the digest of our facts may become.
	slowEvery = 5 * time.Minute
)

// announce tells the others when what we have to say has changed.
func (p *Pool) announce(ctx context.Context, list *memberlist.Memberlist) error {
	last := time.Now()
	slow := time.NewTicker(slowEvery)
	defer slow.Stop()
	for {
		all := false
		select {
		case <-ctx.Done():
			return nil
		case <-p.stale:
			if !p.hold(ctx, p.firstWait()) {
				return nil
			}
			if p.said() && !p.hold(ctx, p.share()) {
				return nil
			}
		case <-slow.C:
			all = true
			if !p.hold(ctx, p.share()) {
				return nil
			}
		case <-p.renew:
		}
		if !pause(ctx, max(0, time.Until(last.Add(announceLeast)))) {
			return nil
		}
		spoken, again := p.roster.spoken()
		now := p.told()
		if !all {
			spoken.Facts, spoken.Peers = now.Facts, now.Peers
		}
		if !again && spoken == now {
			continue
		}
		last = time.Now()
		// The library waits until the news has gone out; nothing here depends
		// on that.
		_ = list.UpdateNode(time.Millisecond)
	}
}

// hold waits, unless our word has to be renewed whatever it is. It tells
// whether to go on.
func (p *Pool) hold(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-p.renew:
	case <-time.After(d):
	}
	return true
}

// firstWait lets those who order the log say first what is new in it.
func (p *Pool) firstWait() time.Duration {
	if p.state.Load().Roles&Controller != 0 {
		return 0
	}
	online, _ := p.roster.count()
	return rand.N(min(time.Duration(online+1)*firstShare, firstLongest))
}

// share is this member's part of the time in which all say the same.
func (p *Pool) share() time.Duration {
	online, _ := p.roster.count()
	return rand.N(min(time.Duration(online+1)*announceShare, announceLongest))
}

// said tells whether somebody who is up says already what we would: then it
// is known where to get it, and our word is not urgent.
func (p *Pool) said() bool {
	h := p.state.Load()
	if h.Roles&Controller != 0 {
		return false
	}
	for _, m := range p.roster.all() {
		if m.Online && m.Head == h.Head && m.Policy == h.Policy && m.Revocations == h.digest {
			return true
		}
	}
	return false
}
