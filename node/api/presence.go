package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"warren/mesh"
	"warren/mesh/engine"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/plan"
)

const (
	// lookFresh is how long a look at the peers is good for.
	lookFresh = 2 * time.Second
	// lookWait is how long a peer has to answer.
	lookWait = time.Second
	// lookAtOnce bounds how many peers are asked at a time.
	lookAtOnce = 64
)

// notUp is why there is no path to a member that has stated no keys.
const notUp = "it has not been up yet"

// Path is how a peer is reached just now.
type Path struct {
	ID     identity.NodeID
	Online bool
	Pong   engine.Pong
	// Since is when the path became what it is, as far as this node saw.
	Since time.Time
	// Reason says why there is no path, and Said says it for a page.
	Reason string
	Said   fault.Said
}

// Presence finds out who answers, when somebody wants to know.
type Presence struct {
	engine *engine.Engine
	plan   func() plan.Plan

	looking sync.Mutex // one look at a time; others wait and share it

	mu   sync.Mutex
	at   time.Time
	last map[identity.NodeID]Path
	list []Path
}

// NewPresence asks the peers of the plan.
func NewPresence(e *engine.Engine, plan func() plan.Plan) *Presence {
	return &Presence{engine: e, plan: plan, last: map[identity.NodeID]Path{}}
}

// Look tells about every peer, in the order of the plan: at most lookFresh
// old, and within little more than lookWait.
func (p *Presence) Look(ctx context.Context) []Path {
	p.looking.Lock()
	defer p.looking.Unlock()
	p.mu.Lock()
	if time.Since(p.at) < lookFresh {
		defer p.mu.Unlock()
		return p.list
	}
	p.mu.Unlock()
	now := p.plan()
	peers := now.Mesh.Peers
	list := make([]Path, len(peers)+len(now.Silent))
	var g errgroup.Group
	g.SetLimit(lookAtOnce)
	for i, peer := range peers {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, lookWait)
			defer cancel()
			list[i] = p.Ask(ctx, peer)
			return nil
		})
	}
	_ = g.Wait()
	for i, id := range now.Silent {
		list[len(peers)+i] = Path{ID: id, Reason: notUp, Said: fault.Said{Code: fault.NotUp}}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.list = time.Now(), list
	return list
}

// Last is what was heard of a peer when it was asked last, without asking it.
func (p *Presence) Last(id identity.NodeID) (Path, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path, ok := p.last[id]
	return path, ok
}

// between says why no member carries packets to a peer either; a peer that is
// such a member itself is left without.
func between(c mesh.Config, peer mesh.Peer) (words string, said fault.Said) {
	if peer.Home == peer.ID {
		return "", fault.Said{Code: fault.NoPong}
	}
	if len(c.Rendezvous) == 0 {
		return ", and no member that others can reach helps the two to meet", fault.Said{Code: fault.NoPongNorMember}
	}
	for _, r := range c.Rendezvous {
		if r.ID == peer.Home {
			return ", nor through " + r.Name + ", where it was last", fault.Said{Code: fault.NoPongNorThere, Args: []string{r.Name}}
		}
	}
	return ", and it waits at no member that helps to meet", fault.Said{Code: fault.NoPongNorHome}
}

// Ask asks one peer until it answers or ctx ends.
func (p *Presence) Ask(ctx context.Context, peer mesh.Peer) Path {
	out := Path{ID: peer.ID}
	pong, err := p.engine.Ping(ctx, peer.ID)
	switch {
	case err == nil:
		out.Online, out.Pong = true, pong
	case len(peer.Endpoints) == 0:
		out.Reason, out.Said.Code = "it has told no address yet", fault.NoAddress
	case errors.Is(err, engine.ErrUnknownPeer):
		out.Reason, out.Said.Code = "the tunnel to it is not set up yet", fault.NoTunnel
	default:
		var words string
		words, out.Said = between(p.plan().Mesh, peer)
		out.Said.Args = append([]string{strconv.Itoa(len(peer.Endpoints))}, out.Said.Args...)
		out.Reason = fmt.Sprintf("no answer from its %d known addresses%s", len(peer.Endpoints), words)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before, seen := p.last[peer.ID]
	out.Since = time.Now()
	if seen && before.Online == out.Online && before.Pong.Kind == out.Pong.Kind &&
		before.Pong.Via == out.Pong.Via && before.Pong.Endpoint == out.Pong.Endpoint {
		out.Since = before.Since
	}
	p.last[peer.ID] = out
	return out
}
