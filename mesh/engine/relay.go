package engine

import (
	"context"

	"tailscale.com/disco"
	"tailscale.com/net/udprelay/endpoint"
	"tailscale.com/types/key"
	"tailscale.com/util/eventbus"
	"tailscale.com/wgengine/magicsock"
)

// Allocate makes a way through a packet relay for two machines, named by their
// disco keys; from is the WireGuard key of the peer that asks. It must not
// block.
type Allocate func(from [32]byte, a, b key.DiscoPublic) (endpoint.ServerEndpoint, error)

// ServeRelay answers peers that ask for a way through this machine's packet
// relay, until ctx ends. They ask only where Apply names this machine as one.
func (e *Engine) ServeRelay(ctx context.Context, allocate Allocate) error {
	client := e.bus.Client("warren/relay")
	defer client.Close()
	answers := eventbus.Publish[magicsock.UDPRelayAllocResp](client)
	requests := eventbus.Subscribe[magicsock.UDPRelayAllocReq](client)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wg.Done():
			return nil
		case r := <-requests.Events():
			way, err := allocate(r.RxFromNodeKey.Raw32(), r.Message.ClientDisco[0], r.Message.ClientDisco[1]) //nolint:staticcheck // nor another way out
			if err != nil {
				e.opts.Log.Debug("gave no way through the packet relay", "err", err)
				continue
			}
			answers.Publish(magicsock.UDPRelayAllocResp{
				ReqRxFromNodeKey: r.RxFromNodeKey, ReqRxFromDiscoKey: r.RxFromDiscoKey,
				Message: &disco.AllocateUDPRelayEndpointResponse{
					Generation: r.Message.Generation,
					UDPRelayEndpoint: disco.UDPRelayEndpoint{
						ServerDisco: way.ServerDisco, ClientDisco: way.ClientDisco,
						LamportID: way.LamportID, VNI: way.VNI, BindLifetime: way.BindLifetime.Duration,
						SteadyStateLifetime: way.SteadyStateLifetime.Duration, AddrPorts: way.AddrPorts,
					},
				},
			})
		}
	}
}
