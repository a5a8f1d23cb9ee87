package gossip

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/memberlist"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/identity"
)

const (
	// Statements spread in packets: every tellEvery to tellTo peers, tellMax
	// full packets each, until every statement went out tellMult times, twice
	// or three times that in pools of ten and a hundred.
	tellEvery = 200 * time.Millisecond
	tellTo    = 3
	tellMax   = 4
	tellMult  = 6
	tellRoom  = MaxBroadcast + perStatement
	// queueMax bounds the statements on their way.
	queueMax = 1024
	// feeders send over streams at a time, at most feedMax batches to one peer.
	feeders = 3
	feedMax = 4
)

// arrival is a statement that came in.
type arrival struct {
	from      identity.NodeID
	statement *warrenv1.Statement
	hash      [32]byte
}

// feed is a batch for one peer, as a message.
type feed struct {
	to   identity.NodeID
	data []byte
}

// Broadcast spreads a statement that this machine has merged already: its own
// new keys and endpoints, a revocation.
func (p *Pool) Broadcast(s *warrenv1.Statement) error {
	if !travels(s) {
		return fmt.Errorf("broadcast: a statement of type %.40q does not travel by gossip", s.GetType())
	}
	if n := proto.Size(s); n > MaxStatement {
		return fmt.Errorf("broadcast: statement of %d bytes is over %d", n, MaxStatement)
	}
	p.mu.Lock()
	p.seen.add(identity.HashOf(s))
	p.mu.Unlock()
	return p.spread(s, true)
}

// Tell sends a statement to one peer, once and at once: the last word to a
// machine that is about to be put out. It does not say whether it arrived.
func (p *Pool) Tell(to identity.NodeID, s *warrenv1.Statement) {
	name, _, err := glance(s)
	if err != nil || !travels(s) {
		return
	}
	if data, err := proto.Marshal(s); err == nil && len(data) <= MaxBroadcast {
		p.leaves.add([]identity.NodeID{to}, name, data)
	}
}

// take queues what a message brings. It does not block: what finds no room is
// counted and comes again.
func (p *Pool) take(from identity.NodeID, b []byte) {
	list, err := decodeStatements(b)
	if err != nil {
		p.stats.malformed.Add(1)
		return
	}
	for _, s := range list {
		a := arrival{from, s, identity.HashOf(s)}
		p.mu.Lock()
		known := p.seen.has(a.hash)
		p.mu.Unlock()
		if known {
			p.stats.old.Add(1)
			continue
		}
		lane := p.plain
		if s.GetType() == string(identity.TypeRevocation) {
			lane = p.urgent
		}
		select {
		case lane <- a:
		default:
			p.stats.dropped.Add(1)
		}
	}
}

// merge hands statements over one by one, revocations first.
func (p *Pool) merge(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-p.urgent:
			p.mergeOne(a)
			continue
		default:
		}
		select {
		case <-ctx.Done():
			return nil
		case a := <-p.urgent:
			p.mergeOne(a)
		case a := <-p.plain:
			p.mergeOne(a)
		}
	}
}

func (p *Pool) mergeOne(a arrival) {
	p.mu.Lock()
	known := p.seen.has(a.hash)
	p.mu.Unlock()
	if known {
		p.stats.old.Add(1)
		return
	}
	news, err := p.cfg.Merge(a.statement)
	if err != nil {
		// It may be good later, when the member's record has come.
		p.stats.refused.Add(1)
		p.cfg.Log.Debug("statement was refused", "node", a.from.Short(), "err", err)
		return
	}
	p.mu.Lock()
	p.seen.add(a.hash)
	p.mu.Unlock()
	if !news {
		p.stats.old.Add(1)
		return
	}
	p.stats.merged.Add(1)
	if err := p.spread(a.statement, false); err != nil {
		p.cfg.Log.Warn("statement was not passed on", "err", err)
	}
}

// broadcast is a statement on its way to all. A newer one on the same subject
// takes its place.
type broadcast struct {
	name string
	data []byte
}

func (b *broadcast) Invalidates(o memberlist.Broadcast) bool {
	other, ok := o.(*broadcast)
	return ok && other.name == b.name
}
func (b *broadcast) Name() string    { return b.name }
func (b *broadcast) Message() []byte { return b.data }
func (b *broadcast) Finished()       {}

// spread sends a statement on its way. first tells that it begins here.
func (p *Pool) spread(s *warrenv1.Statement, first bool) error {
	name, _, err := glance(s)
	if err != nil {
		return err
	}
	data, err := proto.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode statement: %w", err)
	}
	if len(data) > MaxBroadcast {
		p.stats.oversize.Add(1)
		p.spreadLong(appendStatements(nil, data), first)
		return nil
	}
	p.queue.QueueBroadcast(&broadcast{string(name[:]), data})
	p.queue.Prune(queueMax)
	signal(p.wakeTell)
	p.leaves.add(p.roster.leaves(), name, data)
	return nil
}

// spreadLong sends over streams what is too long for a packet: to all where it
// begins; from then on to a few, should the first have failed, and to those who
// meet fewer members than we do, and may not have met the first.
func (p *Pool) spreadLong(message []byte, first bool) {
	if first {
		for _, id := range p.roster.pick(-1, true) {
			p.feedTo(id, message)
		}
		return
	}
	to := append(p.roster.pick(tellTo, true), p.roster.lesser()...)
	slices.SortFunc(to, func(a, b identity.NodeID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range slices.Compact(to) {
		p.feedTo(id, message)
	}
}

// tell sends what is queued to a few peers at a time until each statement was
// sent often enough. These packets are ours alone: in the library's own, its
// news come first, and with a hundred members a change of all metas takes half
// a minute to drain.
func (p *Pool) tell(ctx context.Context, list *memberlist.Memberlist) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wakeTell:
		}
		for p.queue.NumQueued() > 0 {
			watch := p.roster.watch()
			to := p.roster.pick(tellTo, true)
			if len(to) == 0 {
				select {
				case <-ctx.Done():
					return nil
				case <-watch:
				}
				continue
			}
			for _, id := range to {
				p.tellOne(list, id)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}
}

// tellOne sends one peer what is due, each statement once.
func (p *Pool) tellOne(list *memberlist.Memberlist, to identity.NodeID) {
	p.send(list, to, p.queue.GetBroadcasts(perStatement, tellMax*tellRoom))
}

// send fits encoded statements into packets.
func (p *Pool) send(list *memberlist.Memberlist, to identity.NodeID, statements [][]byte) {
	at := memberlist.Address{Addr: p.guard.addrPort(to).String(), Name: to.String()}
	var parts [][]byte
	size := 0
	flush := func() {
		if len(parts) == 0 {
			return
		}
		if err := list.SendToAddress(at, appendStatements(nil, parts...)); err != nil {
			p.stats.unsent.Add(1)
		}
		parts, size = parts[:0], 0
	}
	for _, data := range statements {
		if size+len(data)+perStatement > tellRoom {
			flush()
		}
		parts = append(parts, data)
		size += len(data) + perStatement
	}
	flush()
}

// summary is what this machine holds.
func (p *Pool) summary() summary {
	h := p.state.Load()
	s := summary{
		facts: map[subject]uint64{}, recent: make(map[subject]bool, len(h.recent)),
		revoked: uint32(len(h.Revocations)), revocations: h.digest, //nolint:gosec // far fewer
	}
	all := p.cfg.Facts()
	for _, f := range all[max(0, len(all)-maxFacts):] {
		if key, counter, err := glance(f); err == nil {
			s.facts[key] = max(s.facts[key], counter)
		}
	}
	for key := range h.recent {
		s.recent[key] = true
	}
	return s
}

// compare sends a peer what its summary lacks: revocations first, then facts,
// the newest first.
func (p *Pool) compare(peer identity.NodeID, b []byte) {
	theirs, err := decodeSummary(b)
	if err != nil {
		p.stats.malformed.Add(1)
		return
	}
	h := p.state.Load()
	var lacking []*warrenv1.Statement
	if theirs.revocations != h.digest {
		for key, r := range h.recent {
			if !theirs.recent[key] {
				lacking = append(lacking, r)
			}
		}
	}
	all := p.cfg.Facts()
	for _, f := range slices.Backward(all[max(0, len(all)-maxFacts):]) {
		key, counter, err := glance(f)
		if err != nil {
			continue
		}
		if have, ok := theirs.facts[key]; !ok || have < counter {
			lacking = append(lacking, f)
		}
	}
	for _, message := range batches(lacking) {
		p.feedTo(peer, message)
	}
}

// batches fits statements into feedMax messages; what is over comes with the
// next push/pull.
func batches(list []*warrenv1.Statement) [][]byte {
	var out [][]byte
	var parts [][]byte
	size := 0
	flush := func() {
		if len(parts) > 0 {
			out = append(out, appendStatements(nil, parts...))
		}
		parts, size = nil, 0
	}
	for _, s := range list {
		data, err := proto.Marshal(s)
		if err != nil || len(data) > MaxStatement || !travels(s) {
			continue
		}
		if size+len(data)+perStatement > maxBatch-1 || len(parts) == maxStatements {
			if flush(); len(out) == feedMax {
				return out
			}
		}
		parts = append(parts, data)
		size += len(data) + perStatement
	}
	flush()
	return out
}

func (p *Pool) feedTo(to identity.NodeID, message []byte) {
	select {
	case p.feeds <- feed{to, message}:
	default:
		p.stats.dropped.Add(1)
	}
}

// feed sends batches over streams.
func (p *Pool) feed(ctx context.Context, list *memberlist.Memberlist) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-p.feeds:
			n := &memberlist.Node{Name: f.to.String(), Addr: p.guard.address(f.to), Port: mesh.GossipPort}
			if err := list.SendReliable(n, f.data); err != nil {
				p.stats.unsent.Add(1)
				p.cfg.Log.Debug("batch was not sent", "node", f.to.Short(), "err", err)
			}
		}
	}
}
