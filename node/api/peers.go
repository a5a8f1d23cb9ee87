package api

import (
	"context"
	"time"

	"connectrpc.com/connect"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/engine"
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
	paths := r.Presence.Look(ctx)
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
		out.Peers = append(out.Peers, &warrenv1.Peer{
			Id: d.ID.String(), Name: d.Name, Role: d.Role(), Addresses: addresses(log, d),
			Online: p.Online, Path: pathOf(p), RxBytes: counts[p.ID].RxBytes, TxBytes: counts[p.ID].TxBytes,
		})
	}
	return out, nil
}

func pathOf(p Path) *warrenv1.Path {
	out := &warrenv1.Path{Kind: string(engine.KindNone), Reason: p.Reason}
	if p.Online {
		out.Kind = string(p.Pong.Kind)
		out.Via = p.Pong.Via
		out.Endpoint = p.Pong.Endpoint.String()
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
	peer, ok := r.peer(d.ID)
	if !ok {
		return fault.New(fault.Denied, "policy lets this machine not meet %q", d.Name).Try("warren peers")
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
		p := r.Presence.Ask(ctx, peer)
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

// peer is the plan's peer with that id.
func (r *Running) peer(id identity.NodeID) (mesh.Peer, bool) {
	for _, p := range r.Plan().Mesh.Peers {
		if p.ID == id {
			return p, true
		}
	}
	return mesh.Peer{}, false
}
