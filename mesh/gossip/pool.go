package gossip

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"golang.org/x/sync/errgroup"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/identity"
)

// leaveWait is how long the others are given to hear that we go.
const leaveWait = 2 * time.Second

// Pool is one gossip pool, seen from this machine. Its methods may be called
// from any goroutine, before Run as well.
type Pool struct {
	cfg    Config
	roster *roster
	guard  *guard
	stats  counters

	applying sync.Mutex // one Apply at a time
	state    atomic.Pointer[held]

	queue    memberlist.TransmitLimitedQueue
	leaves   leafQueue
	wakeTell chan struct{}
	urgent   chan arrival // revocations
	plain    chan arrival // facts
	feeds    chan feed
	expelled chan expelled
	events   chan Event
	stale    chan struct{} // something to say of ourselves
	renew    chan struct{} // and at once
	wanted   chan struct{} // peers that were none before
	applied  chan struct{} // a new state
	heard    chan identity.NodeID
	mu       sync.Mutex // guards seen
	seen     *recentlySeen
}

// held is a State, and what was computed from it.
type held struct {
	State
	digest [16]byte
	recent map[subject]*warrenv1.Statement
}

type expelled struct {
	id          identity.NodeID
	incarnation uint32
	again       bool
}

func newPool(cfg Config) *Pool {
	p := &Pool{
		cfg:      cfg,
		wakeTell: make(chan struct{}, 1),
		urgent:   make(chan arrival, 256),
		plain:    make(chan arrival, 2048),
		feeds:    make(chan feed, 512),
		expelled: make(chan expelled, 1024),
		events:   make(chan Event, 64),
		stale:    make(chan struct{}, 1),
		renew:    make(chan struct{}, 1),
		wanted:   make(chan struct{}, 1),
		applied:  make(chan struct{}, 1),
		heard:    make(chan identity.NodeID, 256),
		seen:     newRecentlySeen(4096),
	}
	self := cfg.Key.ID()
	p.roster = newRoster(self, cfg.Mesh, cfg.Member)
	p.roster.urgent = func() { signal(p.renew) }
	p.roster.notice = p.notice
	p.roster.expel = func(id identity.NodeID, incarnation uint32) { p.expel(expelled{id, incarnation, false}) }
	p.roster.heard = func(id identity.NodeID) {
		select {
		case p.heard <- id:
		default:
		}
	}
	p.guard = &guard{
		roster: p.roster, mesh: cfg.Mesh, label: string(cfg.Mesh[:]), port: mesh.GossipPort, stats: &p.stats,
	}
	p.queue.RetransmitMult = tellMult
	p.queue.NumNodes = func() int {
		online, _ := p.roster.count()
		return online + 1
	}
	p.leaves.wake = make(chan struct{}, 1)
	p.state.Store(&held{})
	return p
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Apply takes over what has changed. Peers that are none any more vanish from
// the picture before it returns, and nothing of theirs is read after that.
// Call it before Run, and whenever the plan, the log, the policy or the
// revocations change; what is as it was costs little.
func (p *Pool) Apply(s State) {
	p.applying.Lock()
	defer p.applying.Unlock()
	was := p.state.Load()
	h := &held{State: s, digest: was.digest, recent: was.recent}
	if !slices.Equal(was.Revocations, s.Revocations) {
		h.digest, h.recent = digestRevocations(s.Revocations), map[subject]*warrenv1.Statement{}
		for _, r := range s.Revocations[max(0, len(s.Revocations)-maxRecent):] {
			if key, _, err := glance(r); err == nil {
				h.recent[key] = r
			}
		}
	}
	p.state.Store(h)
	if p.roster.apply(s.Peers) {
		signal(p.wanted)
	}
	if was.Head != s.Head || was.Policy != s.Policy || was.Roles != s.Roles || was.digest != h.digest {
		signal(p.stale)
	}
	signal(p.applied)
}

// told is what this machine has to say of itself now.
func (p *Pool) told() Told {
	h := p.state.Load()
	return Told{
		Roles: h.Roles, Head: h.Head, Policy: h.Policy,
		Revoked: uint32(len(h.Revocations)), Revocations: h.digest, //nolint:gosec // far fewer
		Facts: p.summary().digest(), Peers: uint16(min(len(h.Peers), math.MaxUint16)), //nolint:gosec // bounded here
	}
}

// Picture tells how every peer is, sorted by id.
func (p *Pool) Picture() []Member { return p.roster.picture() }

// Watch gives a channel that is closed when the picture changes next. Take it
// before reading.
func (p *Pool) Watch() <-chan struct{} { return p.roster.watch() }

// Stats gives the counters.
func (p *Pool) Stats() Stats {
	s := &p.stats
	return Stats{
		Packets: s.packets.Load(), Streams: s.streams.Load(), Strangers: s.strangers.Load(),
		Malformed: s.malformed.Load(), Forged: s.forged.Load(), Replayed: s.replayed.Load(), Unknown: s.unknown.Load(),
		Limited: s.limited.Load(), Dropped: s.dropped.Load(), Unsent: s.unsent.Load(),
		Merged: s.merged.Load(), Old: s.old.Load(), Refused: s.refused.Load(),
		Oversize: s.oversize.Load(), Expelled: s.expelled.Load(),
	}
}

// Run takes part until ctx ends, then tells the others and returns, with no
// goroutine left. That nobody answers is no error; a socket that fails is.
// Run can be called once.
func (p *Pool) Run(ctx context.Context) error {
	t := newTransport(&p.cfg, p.guard, &p.stats)
	p.guard.nack = t.nack
	sockets := make(chan error, 1)
	go func() { sockets <- t.run() }() // ends with Shutdown, and is waited for below
	list, err := memberlist.Create(p.library(t))
	if err != nil {
		_ = t.Shutdown()
		return errors.Join(fmt.Errorf("gossip: %w", err), <-sockets)
	}
	work, stop := context.WithCancel(ctx)
	defer stop()
	g, work := errgroup.WithContext(work)
	g.Go(func() error { return p.meet(work, list) })
	g.Go(func() error { return p.merge(work) })
	g.Go(func() error { return p.tell(work, list) })
	g.Go(func() error { return p.tellLeaves(work, list) })
	for range feeders {
		g.Go(func() error { return p.feed(work, list) })
	}
	g.Go(func() error { return p.announce(work, list) })
	g.Go(func() error { return p.follow(work) })
	g.Go(func() error { return p.report(work) })
	g.Go(func() error { return p.sweep(work, t) })

	var failed error
	select {
	case <-work.Done():
	case failed = <-sockets:
		sockets <- nil
	}
	stop()
	t.halt()
	err = g.Wait()
	if failed == nil {
		_ = list.Leave(leaveWait) // it says no more than that some may not have heard
	}
	t.hush()
	_ = list.Shutdown() // shuts the transport, and has no other error
	return errors.Join(err, failed, <-sockets)
}

// report passes events on.
func (p *Pool) report(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-p.events:
			if p.cfg.Notice != nil {
				p.cfg.Notice(e)
			}
		}
	}
}

func (p *Pool) notice(e Event) {
	select {
	case p.events <- e:
	default:
		p.stats.dropped.Add(1)
	}
}

func (p *Pool) expel(e expelled) {
	select {
	case p.expelled <- e:
	default:
		p.stats.dropped.Add(1)
	}
}

// sweep tells the library, which has no word for it, that somebody is out: as
// a message of our own that the member is dead. It is said twice, as an older
// word in the library's queue may bring the member back once.
func (p *Pool) sweep(ctx context.Context, t *transport) error {
	const again = time.Second
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-p.expelled:
			if p.roster.isPeer(e.id) {
				continue
			}
			b := append(p.guard.labelled(), packAccusation(kindDead, e.incarnation, e.id, p.roster.self)...)
			t.inject(b, p.roster.self, time.Now())
			if !e.again {
				p.stats.expelled.Add(1)
				e.again = true
				time.AfterFunc(again, func() { p.expel(e) })
			}
		}
	}
}
