package engine

import (
	"net/netip"

	"github.com/gaissmai/bart"
	"go4.org/mem"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
	"tailscale.com/wgengine"

	"warren/mesh/identity"
)

// view is what the packet path looks things up in. Apply replaces it; it is
// never changed.
type view struct {
	cfg    Config
	self   tailcfg.NodeView
	byID   map[identity.NodeID]*peer
	byKey  map[key.NodePublic]*peer
	byAddr map[netip.Addr]*peer
	routes *bart.Table[*peer]

	regions regions
}

// peer is a Peer in the library's terms.
type peer struct {
	Peer
	key     key.NodePublic
	node    tailcfg.NodeView
	allowed []netip.Prefix
}

// newView takes over from was the peers that are as they were.
func newView(cfg Config, self key.NodePublic, was *view) *view {
	v := &view{
		cfg:    cfg,
		byID:   make(map[identity.NodeID]*peer, len(cfg.Peers)),
		byKey:  make(map[key.NodePublic]*peer, len(cfg.Peers)),
		byAddr: make(map[netip.Addr]*peer, len(cfg.Peers)),
		routes: new(bart.Table[*peer]),
	}
	v.regions = was.regions.next(cfg)
	v.self = (&tailcfg.Node{
		ID:         nodeNumber(cfg.Self),
		Key:        self,
		Addresses:  cfg.Addresses,
		AllowedIPs: cfg.Addresses,
		Cap:        tailcfg.CurrentCapabilityVersion,
		HomeDERP:   v.regions.number[cfg.Self],
	}).View()
	for _, p := range cfg.Peers {
		pr, ok := was.byID[p.ID]
		if !ok || !samePeer(pr.Peer, p) {
			pr = newPeer(p, v.regions.number[p.Home])
		}
		v.byID[p.ID], v.byKey[pr.key] = pr, pr
		for _, a := range p.Addresses {
			v.byAddr[a] = pr
		}
		for _, r := range p.AllowedIPs {
			v.routes.Insert(r, pr)
		}
	}
	return v
}

func newPeer(p Peer, home int) *peer {
	pr := &peer{
		Peer:    p,
		key:     key.NodePublicFromRaw32(mem.B(p.WireGuard[:])),
		allowed: allowedIPs(p),
	}
	hosts := make([]netip.Prefix, 0, len(p.Addresses))
	for _, a := range p.Addresses {
		hosts = append(hosts, netip.PrefixFrom(a, a.BitLen()))
	}
	pr.node = (&tailcfg.Node{
		ID:         nodeNumber(p.ID),
		Name:       p.ID.Short() + ".", // magicsock.Ping panics on a node without
		Key:        pr.key,
		DiscoKey:   key.DiscoPublicFromRaw32(mem.B(p.Disco[:])),
		Addresses:  hosts,
		AllowedIPs: pr.allowed,
		Endpoints:  p.Endpoints,
		HomeDERP:   home,
		// Less than the current version is taken to be unable to relay.
		Cap: tailcfg.CurrentCapabilityVersion,
	}).View()
	return pr
}

// peerFor finds who is responsible for an overlay address or a prefix behind
// a peer.
func (v *view) peerFor(a netip.Addr) (*peer, bool) {
	if p, ok := v.byAddr[a]; ok {
		return p, true
	}
	return v.routes.Lookup(a)
}

func (v *view) isSelf(a netip.Addr) bool {
	for _, p := range v.cfg.Addresses {
		if p.Addr() == a {
			return true
		}
	}
	return false
}

// isOverlay reports whether a leads into the tunnel, as far as is known here.
func (v *view) isOverlay(a netip.Addr) bool {
	_, peers := v.byAddr[a]
	return peers || v.isSelf(a) || v.cfg.Mesh.Prefix().Contains(a)
}

// The three look-ups below run in the packet path, on any goroutine.

func (e *Engine) peerByIP(dst netip.Addr) (key.NodePublic, bool) {
	p, ok := e.view.Load().peerFor(dst)
	if !ok {
		return key.NodePublic{}, false
	}
	return p.key, true
}

func (e *Engine) peerConfig(k key.NodePublic) ([]netip.Prefix, bool) {
	p, ok := e.view.Load().byKey[k]
	if !ok {
		return nil, false
	}
	return p.allowed, true
}

func (e *Engine) peerNode(a netip.Addr) (wgengine.PeerForIP, bool) {
	v := e.view.Load()
	if v.isSelf(a) {
		return wgengine.PeerForIP{Node: v.self, IsSelf: true, Route: netip.PrefixFrom(a, a.BitLen())}, true
	}
	p, ok := v.peerFor(a)
	if !ok {
		return wgengine.PeerForIP{}, false
	}
	return wgengine.PeerForIP{Node: p.node, Route: netip.PrefixFrom(a, a.BitLen())}, true
}
