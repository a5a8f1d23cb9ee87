package gossip

import (
	"context"
	"math/rand/v2"
	"time"

	"warren/mesh/identity"
)

const (
	// behindEach times the members, at most behindMost, is how long we wait
	// before asking: everybody has heard the same, and a controller may send
	// it meanwhile.
	behindEach = 20 * time.Millisecond
	behindMost = 2 * time.Second
	// behindLeast lies between two calls.
	behindLeast = time.Second
	// behindWait bounds one call.
	behindWait = 30 * time.Second
	// The same peer with the same to offer is asked again after that, twice as
	// long each time: it may hold what we cannot take.
	againFirst = 2 * time.Second
	againMost  = 5 * time.Minute
	// vainMost bounds the time between two calls when one after the other
	// brings nothing, whoever is asked.
	vainMost = time.Minute
)

// offer is what a peer holds, against what we hold.
type offer struct {
	head, own               Head
	policy, ownPolicy       uint64
	revocations, ownRevoked [16]byte
}

type attempt struct {
	offer offer
	next  time.Time
	pause time.Duration
}

// follow has the log fetched from whoever holds more of it, and tells of
// heads that do not fit.
func (p *Pool) follow(ctx context.Context) error {
	tried := map[identity.NodeID]attempt{}
	forked := map[identity.NodeID]Head{}
	least := behindLeast
	for {
		watch := p.roster.watch()
		p.compareHeads(forked)
		peer, next := p.ahead(tried, time.Now())
		if peer.IsZero() {
			var again <-chan time.Time
			if !next.IsZero() {
				again = time.After(time.Until(next))
			}
			select {
			case <-ctx.Done():
				return nil
			case <-watch:
			case <-p.applied:
			case <-again:
			}
			continue
		}
		online, _ := p.roster.count()
		if !pause(ctx, rand.N(min(time.Duration(online+1)*behindEach, behindMost))) {
			return nil
		}
		if peer, _ = p.ahead(tried, time.Now()); peer.IsZero() {
			continue
		}
		if p.ask(ctx, peer, tried) {
			least = behindLeast
		} else {
			least = min(2*least, vainMost)
		}
		if !pause(ctx, jitter(least)) {
			return nil
		}
	}
}

// pause waits, and tells whether to go on after that.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// ask has it fetched from peer, and tells whether that brought us on.
func (p *Pool) ask(ctx context.Context, peer identity.NodeID, tried map[identity.NodeID]attempt) bool {
	m, ok := p.roster.one(peer)
	if !ok {
		return true
	}
	o := p.offers(m)
	a := tried[peer]
	if a.offer != o {
		a = attempt{offer: o}
	}
	a.pause = min(max(2*a.pause, againFirst), againMost)
	ctx, cancel := context.WithTimeout(ctx, behindWait)
	defer cancel()
	if err := p.cfg.Behind(ctx, peer); err != nil {
		p.cfg.Log.Debug("peer with more gave none", "node", peer.Short(), "err", err)
	}
	a.next = time.Now().Add(jitter(a.pause))
	tried[peer] = a
	return p.offers(m) != o
}

func (p *Pool) offers(m Member) offer {
	h := p.state.Load()
	return offer{
		head: m.Head, own: h.Head, policy: m.Policy, ownPolicy: h.Policy,
		revocations: m.Revocations, ownRevoked: h.digest,
	}
}

// ahead chooses whom to ask: of those who hold more and were not asked in
// vain, one who holds most. Where all were, next is when to look again.
func (p *Pool) ahead(tried map[identity.NodeID]attempt, now time.Time) (best identity.NodeID, next time.Time) {
	if p.cfg.Behind == nil {
		return best, next
	}
	h := p.state.Load()
	var most uint64
	ties := 0
	for _, m := range p.roster.all() {
		more := m.Head.Entries > h.Head.Entries || m.Policy > h.Policy ||
			m.Revoked >= uint32(len(h.Revocations)) && m.Revoked > 0 && m.Revocations != h.digest //nolint:gosec // far fewer
		if !m.Online || !more {
			continue
		}
		if a, ok := tried[m.ID]; ok && a.offer == p.offers(m) && now.Before(a.next) {
			if next.IsZero() || a.next.Before(next) {
				next = a.next
			}
			continue
		}
		switch {
		case best.IsZero() || m.Head.Entries > most:
			best, most, ties = m.ID, m.Head.Entries, 1
		case m.Head.Entries == most:
			if ties++; rand.IntN(ties) == 0 {
				best = m.ID
			}
		}
	}
	return best, next
}

// compareHeads tells of heads that are not the beginning of our log, each once.
func (p *Pool) compareHeads(forked map[identity.NodeID]Head) {
	if p.cfg.Known == nil {
		return
	}
	own := p.state.Load().Head
	for _, m := range p.roster.all() {
		if m.Head.Entries == 0 || m.Head.Entries > own.Entries || forked[m.ID] == m.Head {
			continue
		}
		if p.cfg.Known(m.Head.Hash, m.Head.Entries) {
			delete(forked, m.ID)
			continue
		}
		forked[m.ID] = m.Head
		p.notice(Event{Kind: HeadForked, Node: m.ID, Was: own, Now: m.Head})
	}
}
