package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh"
	"warren/mesh/engine"
	"warren/mesh/gossip"
	"warren/mesh/identity"
	"warren/node/fault"
)

// Peers implements NodeService.
func (s nodeService) Peers(ctx context.Context, _ *warrenv1.PeersRequest) (*warrenv1.PeersResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	counts := map[identity.NodeID]engine.PeerStatus{}
	paths, heard := r.Presence.Look(ctx), r.heard()
	for _, p := range r.Engine.Peers() {
		counts[p.ID] = p
	}
	log := r.log()
	out := &warrenv1.PeersResponse{}
	for _, p := range paths {
		d, ok := log.Device(p.ID)
		if !ok {
			continue
		}
		peer := r.peerNow(log, d, p, heard[p.ID])
		peer.RxBytes, peer.TxBytes = counts[p.ID].RxBytes, counts[p.ID].TxBytes
		out.Peers = append(out.Peers, peer)
	}
	slices.SortStableFunc(out.Peers, func(a, b *warrenv1.Peer) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out, nil
}

// peerNow is a peer but for its traffic.
func (r *Running) peerNow(log *trust.Log, d trust.Device, p Path, m gossip.Member) *warrenv1.Peer {
	online, since := presence(p, m)
	return &warrenv1.Peer{
		Id: d.ID.String(), Name: d.Name, Role: d.Role(), Addresses: addresses(log, d), Online: online, Since: since, Path: pathOf(p),
	}
}

// presence joins what was heard of a peer with whether it answers us: it may be
// up although no path leads there, and answer before anybody has told of it.
func presence(p Path, m gossip.Member) (online bool, since int64) {
	at := m.Since
	if p.Online && !m.Online {
		at = p.Since
	}
	if !at.IsZero() {
		since = at.UnixMilli()
	}
	return p.Online || m.Online, since
}

func pathOf(p Path) *warrenv1.Path {
	out := &warrenv1.Path{Kind: string(engine.KindNone), Reason: p.Reason, Said: p.Said.Wire()}
	if p.Online {
		out.Kind = string(p.Pong.Kind)
		out.Via = p.Pong.Via
		if p.Pong.Endpoint.IsValid() {
			out.Endpoint = p.Pong.Endpoint.String()
		}
		out.RttMs = milliseconds(p.Pong.RTT)
	}
	if !p.Since.IsZero() {
		out.Since = p.Since.UnixMilli()
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// pingLimit is when a ping ends by itself, whoever does not answer.
const pingLimit = 4500 * time.Millisecond

// Ping implements NodeService.
func (s nodeService) Ping(ctx context.Context, req *warrenv1.PingRequest, stream *connect.ServerStream[warrenv1.PingResponse]) error {
	r, err := s.running()
	if err != nil {
		return err
	}
	d, err := r.device(req.GetDevice())
	if err != nil {
		return err
	}
	if d.ID == r.Self {
		return stream.Send(&warrenv1.PingResponse{
			Device: d.Name, Ok: true, Path: &warrenv1.Path{Kind: string(engine.KindLAN), Endpoint: "this machine"},
		})
	}
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	for i := range max(1, min(req.GetCount(), 100)) {
		if i > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(200 * time.Millisecond):
			}
		}
		p, err := r.reach(ctx, d)
		if fault.KindOf(err) == fault.Unavailable {
			p = Path{ID: d.ID, Reason: notUp, Said: fault.Said{Code: fault.NotUp}}
		} else if err != nil {
			return err
		}
		if err := stream.Send(&warrenv1.PingResponse{
			Device: d.Name, Ok: p.Online, Path: pathOf(p), RttMs: milliseconds(p.Pong.RTT),
		}); err != nil {
			return err
		}
		if !p.Online {
			return nil
		}
	}
	return nil
}

// reach asks d until it answers or ctx ends. A machine that was just let in,
// or has just come up, is given the time to tell where it is.
func (r *Running) reach(ctx context.Context, d trust.Device) (Path, error) {
	const again = 50 * time.Millisecond
	for {
		peer, err := r.peer(ctx, d)
		if err != nil {
			return Path{}, err
		}
		p := r.Presence.Ask(ctx, peer)
		if p.Online {
			return p, nil
		}
		select {
		case <-ctx.Done():
			return p, nil
		case <-time.After(again):
		}
		if ctx.Err() != nil {
			return p, nil
		}
	}
}

// peerWait is how long a machine that was just let in has to show up.
const peerWait = 3 * time.Second

// peer is d as the plan's peer. A member that has stated no keys yet gets a
// moment to do so.
func (r *Running) peer(ctx context.Context, d trust.Device) (mesh.Peer, error) {
	deadline := time.Now().Add(peerWait)
	for {
		now := r.Plan()
		for _, p := range now.Mesh.Peers {
			if p.ID == d.ID {
				return p, nil
			}
		}
		if !slices.Contains(now.Silent, d.ID) {
			return mesh.Peer{}, fault.New(fault.Denied, "policy does not let this machine meet %q", d.Name).Try("warren policy show").Says(fault.NotMet, d.Name)
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return mesh.Peer{}, fault.New(fault.Unavailable, "device %q is offline: %s", d.Name, notUp).Try("warren up, on that machine").Says(fault.DeviceOffline, d.Name, string(fault.NotUp))
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}
