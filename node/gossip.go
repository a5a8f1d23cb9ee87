package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh"
	"warren/mesh/gossip"
	"warren/mesh/identity"
	"warren/node/client"
	"warren/node/plan"
	"warren/node/view"
)

// gossipDial bounds the way to a peer: who is away is asked again soon, and
// each attempt keeps path discovery busy.
const gossipDial = 3 * time.Second

// gossiper is this machine's part in the pool. A nil one does nothing: the
// overlay's addresses come with the first plan, its sockets after that.
type gossiper struct {
	life *life
	pool *gossip.Pool

	mu  sync.Mutex
	odd map[identity.NodeID]gossip.Event // the last one about a member

	early early
}

// openGossip takes the pool's sockets in the overlay.
func (l *life) openGossip(ctx context.Context) error {
	at := netip.AddrPortFrom(l.mesh.Address(l.key.ID()), mesh.GossipPort)
	packets, err := l.engine.ListenPacket(at)
	if err != nil {
		return fmt.Errorf("gossip socket: %w", err)
	}
	streams, err := l.engine.Listen(ctx, at)
	if err != nil {
		packets.Close()
		return fmt.Errorf("gossip port: %w", err)
	}
	g := &gossiper{life: l, odd: map[identity.NodeID]gossip.Event{}}
	g.pool, err = gossip.New(gossip.Config{
		Key: l.key, Mesh: l.mesh, Packets: packets, Streams: streams, Dial: g.dial(mesh.GossipPort),
		Member: g.member, Facts: g.facts, Merge: g.merge, Behind: g.behind, Known: g.known, Notice: g.notice,
		Log: l.log,
	})
	if err != nil {
		packets.Close()
		streams.Close()
		return err
	}
	l.gossip = g
	g.apply(l.view.Now(), l.now())
	return nil
}

func (g *gossiper) run(ctx context.Context) error {
	if err := g.pool.Run(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("gossip: %w", err)
	}
	return nil
}

// apply tells the pool whom this machine meets now, and what it holds.
func (g *gossiper) apply(now view.Now, p plan.Plan) {
	if g == nil {
		return
	}
	s := gossip.State{
		Head: gossip.Head{Hash: now.Log.Head(), Entries: now.Log.Len()}, Revocations: now.Log.Revocations(),
	}
	for _, peer := range p.Mesh.Peers {
		s.Peers = append(s.Peers, peer.ID)
	}
	if d, ok := now.Log.Device(g.life.key.ID()); ok {
		s.Roles = rolesOf(d)
	}
	if now.PolicyText != nil {
		_, s.Policy = now.Log.Policy()
	}
	g.pool.Apply(s)
	for _, f := range g.early.take(time.Now()) {
		switch news, err := g.life.view.Facts().Merge(f.statement); {
		case errors.Is(err, mesh.ErrStranger):
			g.early.keep(f)
		case news:
			g.Say(f.statement)
		}
	}
}

func rolesOf(d trust.Device) (out gossip.Roles) {
	for _, role := range d.Roles {
		switch role {
		case trust.RoleController:
			out |= gossip.Controller
		case trust.RoleGateway:
			out |= gossip.Gateway
		case trust.RoleTechnician:
			out |= gossip.Technician
		case trust.RoleDevice:
			out |= gossip.Device
		case trust.RoleRendezvous:
			out |= gossip.Rendezvous
		}
	}
	return out
}

// Picture, Say and Warnings are what handlers use.
func (g *gossiper) Picture() []gossip.Member { return g.pool.Picture() }

func (g *gossiper) Say(s *warrenv1.Statement) {
	if g == nil {
		return
	}
	g.lastWord(s)
	if err := g.pool.Broadcast(s); err != nil {
		g.life.log.Warn("statement does not travel", "part", "gossip", "err", err)
	}
}

func (g *gossiper) member(id identity.NodeID) bool {
	d, ok := g.life.view.Now().Log.Device(id)
	return ok && !d.Revoked
}

// merge takes in what others state, each after its own verification.
func (g *gossiper) merge(s *warrenv1.Statement) (news bool, err error) {
	switch identity.Type(s.GetType()) {
	case identity.TypeRevocation:
		g.lastWord(s)
		return g.life.view.Revoke(s)
	case identity.TypeCheckpoint:
		return g.life.auditor.hear(s)
	default:
		news, err := g.life.view.Facts().Merge(s)
		if errors.Is(err, mesh.ErrStranger) {
			g.early.keep(earlyFact{s, time.Now()})
		}
		return news, err
	}
}

// facts are what the pool compares with others: of keys, endpoints, and what
// controllers vouch for.
func (g *gossiper) facts() []*warrenv1.Statement {
	return append(g.life.auditor.witness.Statements(), g.life.view.Facts().All()...)
}

// lastWord lets a machine that a revocation puts out hear of it while the
// tunnel to it still stands, so that it ends its sessions by itself.
func (g *gossiper) lastWord(s *warrenv1.Statement) {
	var m warrenv1.Revocation
	log := g.life.view.Now().Log
	if next, err := log.Revoke(s); err != nil || next == log {
		return
	}
	if err := proto.Unmarshal(s.GetPayload(), &m); err == nil && m.GetKind() == warrenv1.RevocationKind_REVOCATION_KIND_NODE {
		g.pool.Tell(identity.NodeID(m.GetTarget()), s) // its length was checked with the rest
	}
}

func (g *gossiper) known(hash [32]byte, entries uint64) bool {
	return entries == 0 || g.life.view.Now().Log.Contains(hash, entries-1)
}

func (g *gossiper) dial(port uint16) func(context.Context, identity.NodeID) (net.Conn, error) {
	return func(ctx context.Context, peer identity.NodeID) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, gossipDial)
		defer cancel()
		return g.life.engine.Dial(ctx, "tcp", netip.AddrPortFrom(g.life.mesh.Address(peer), port))
	}
}

// behind fetches from a peer what it holds and this machine does not.
func (g *gossiper) behind(ctx context.Context, peer identity.NodeID) error {
	dial := g.dial(mesh.PeerPort)
	c, done := client.NewNews(func(ctx context.Context) (net.Conn, error) { return dial(ctx, peer) })
	defer done()
	now := g.life.view.Now()
	head, policy := now.Log.Head(), now.PolicyHash()
	v, err := c.Newer(ctx, &warrenv1.NewerRequest{
		Mesh: g.life.mesh[:], Entries: now.Log.Len(), Head: head[:], Policy: policy[:],
	})
	if err != nil {
		return err
	}
	if v.GetFromSequence() != now.Log.Len() {
		return errors.New("it sent entries nobody asked for")
	}
	if r := g.life.replica; r != nil && r.current() && r.ordering() {
		byReplica(v)
	}
	_, err = g.life.view.Merge(hearsay(v))
	return err
}

// hearsay is a peer's View without what only controllers say of themselves.
func hearsay(v *warrenv1.View) *warrenv1.View {
	v.Controller, v.Leader, v.Voters, v.Revision = nil, nil, nil, 0
	return v
}

// notice keeps what a person should know of a member's head.
func (g *gossiper) notice(e gossip.Event) {
	g.life.log.Warn("head of a member does not fit", "part", "gossip", "node", e.Node.Short(), "was", e.Was.Entries, "now", e.Now.Entries)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.odd[e.Node] = e
}

// Warnings tells of heads that do not fit, as long as they do not.
func (g *gossiper) Warnings() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	log := g.life.view.Now().Log
	var out []string
	for _, m := range g.pool.Picture() {
		if d, ok := log.Device(m.ID); ok {
			if text := oddHead(d.Name, m, g.odd[m.ID], g.known); text != "" {
				out = append(out, text)
			}
		}
	}
	return out
}

// oddHead says what is odd about a member's head, where it still is.
func oddHead(name string, m gossip.Member, e gossip.Event, known func([32]byte, uint64) bool) string {
	switch {
	case e.Kind == gossip.HeadForked && m.Head == e.Now && !known(m.Head.Hash, m.Head.Entries):
		return fmt.Sprintf("machine %q holds another history of the mesh than this one, of %d entries; compare with other machines, and revoke the one that is wrong", name, m.Head.Entries)
	case e.Kind == gossip.HeadBackwards && m.Head.Entries < e.Was.Entries:
		return fmt.Sprintf("machine %q holds %d entries of the log and held %d: its disk was set back, or somebody keeps news from it", name, m.Head.Entries, e.Was.Entries)
	}
	return ""
}
