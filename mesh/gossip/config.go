package gossip

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/identity"
)

// Config is what a Pool is made of. Fields without a default are needed.
type Config struct {
	// Key signs what this machine says of itself.
	Key  identity.NodeKey
	Mesh identity.MeshID

	// Packets and Streams are bound to mesh.GossipPort on this machine's overlay
	// address. Run takes them over and closes them.
	Packets net.PacketConn
	Streams net.Listener
	// Dial connects to a peer's mesh.GossipPort on its overlay address, and gives
	// up when ctx ends.
	Dial func(ctx context.Context, peer identity.NodeID) (net.Conn, error)

	// Member says whether a machine is a live member of the trust log. It is
	// asked for every packet, from any goroutine, and answers at once.
	Member func(identity.NodeID) bool

	// Facts gives the key and endpoint statements held, those that changed
	// last at the end.
	Facts func() []*warrenv1.Statement
	// Merge verifies and takes in a statement, a fact or a revocation, and
	// reports whether it was news. Only what was news goes on to others. It is
	// called by one goroutine and may take its time: meanwhile statements
	// queue, and beyond the queue they are dropped and come again by push/pull.
	Merge func(*warrenv1.Statement) (news bool, err error)
	// Behind is called when a peer seems to hold more of the log, of the
	// policy or of the revocations, to fetch that from it. One call at a time;
	// the next comes when it has returned. Nil: nobody asks.
	Behind func(ctx context.Context, peer identity.NodeID) error
	// Known reports whether a log that has entries entries and ends in hash is
	// this machine's own or the beginning of it. It is asked for heads no
	// longer than ours. Nil: heads are not compared.
	Known func(hash [32]byte, entries uint64) bool
	// Notice is told what a person should know; nil: nobody is. One call at a
	// time.
	Notice func(Event)

	// Log is silent by default.
	Log *slog.Logger
}

// State is what the rest of the machine knows, as far as it matters here.
type State struct {
	// Peers are the members this machine may meet; itself left out.
	Peers []identity.NodeID
	Roles Roles
	Head  Head
	// Policy is the revision of the policy text held.
	Policy uint64
	// Revocations are all that are held, newest at the end. Read only.
	Revocations []*warrenv1.Statement
}

// EventKind is what happened.
type EventKind int

// HeadBackwards: a member that held Was says now that it holds less. Its disk
// was set back, or somebody plays with its log.
// HeadForked: a member holds Now, and that is not the beginning of our log.
const (
	HeadBackwards EventKind = iota + 1
	HeadForked
)

// Event is something a person should know.
type Event struct {
	Kind     EventKind
	Node     identity.NodeID
	Was, Now Head
}

// Member is how a peer is, as far as heard.
type Member struct {
	ID     identity.NodeID
	Online bool
	// Since is when Online became what it is; zero where it never changed.
	Since time.Time
	// Told is what the member said of itself last; zero before.
	Told
}

// Stats counts what went through a pool since New.
type Stats struct {
	// Packets and Streams of peers that were let through.
	Packets, Streams uint64
	// Strangers are packets and streams from addresses that are no peer's.
	Strangers uint64
	// Malformed could not be read. Forged said what the one it speaks of did
	// not say, Replayed what it says no more, Unknown speaks of no peer.
	Malformed, Forged, Replayed, Unknown uint64
	// Limited came from peers that sent too much, Dropped met a full queue,
	// Unsent was not taken by the socket.
	Limited, Dropped, Unsent uint64
	// Statements by what Merge said of them.
	Merged, Old, Refused uint64
	// Oversize statements were too long for a packet and went over streams.
	Oversize uint64
	// Expelled counts members put out of the list because they are peers no
	// more.
	Expelled uint64
}

type counters struct {
	packets, streams, strangers, malformed, forged, replayed, unknown atomic.Uint64
	limited, dropped, unsent, merged, old, refused, oversize          atomic.Uint64
	expelled                                                          atomic.Uint64
}

// refuse counts what was understood and not let through.
func (c *counters) refuse(err error) {
	switch {
	case errors.Is(err, errStranger):
		c.unknown.Add(1)
	case errors.Is(err, errReplayed):
		c.replayed.Add(1)
	default:
		c.forged.Add(1)
	}
}

// New checks cfg. It starts nothing.
func New(cfg Config) (*Pool, error) {
	switch {
	case cfg.Key.IsZero() || cfg.Mesh.IsZero():
		return nil, errors.New("gossip: a key and a mesh are needed")
	case cfg.Packets == nil || cfg.Streams == nil || cfg.Dial == nil:
		return nil, errors.New("gossip: sockets and Dial are needed")
	case cfg.Member == nil || cfg.Facts == nil || cfg.Merge == nil:
		return nil, errors.New("gossip: Member, Facts and Merge are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Log = cfg.Log.With("part", "gossip")
	return newPool(cfg), nil
}

// library is the configuration of memberlist.
func (p *Pool) library(t *transport) *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	// The library makes a member slow to judge when others do not confirm what
	// it sees. Where most machines meet a few only, that is the rule.
	c.SuspicionMaxTimeoutMult, c.AwarenessMaxMultiplier = 3, 3
	c.Name = p.roster.self.String()
	c.BindPort, c.AdvertisePort = mesh.GossipPort, mesh.GossipPort
	c.AdvertiseAddr = p.cfg.Mesh.Address(p.roster.self).String()
	c.Transport = t
	c.Label = p.guard.label
	c.ProtocolVersion = protocol
	c.DelegateProtocolMin, c.DelegateProtocolVersion, c.DelegateProtocolMax = states, states, states
	// One key on every laptop would guard nothing, and the tunnel encrypts
	// already. Compression would let a small packet become a large one.
	c.SecretKey, c.Keyring, c.EnableCompression = nil, nil, false
	c.UDPBufferSize = 1200 // the tunnel's MTU is 1,280
	c.HandoffQueueDepth = 4096
	c.RequireNodeNames = true
	c.DeadNodeReclaimTime = 30 * time.Second
	d := &delegate{pool: p, roster: p.roster}
	c.Delegate, c.Events, c.Alive, c.Merge = d, d, d, d
	c.LogOutput = said{p.cfg.Log}
	return c
}
