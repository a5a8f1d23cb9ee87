package api

import (
	"context"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/gossip"
	"warren/mesh/identity"
)

// Devices implements NodeService.
func (s nodeService) Devices(_ context.Context, req *warrenv1.DevicesRequest) (*warrenv1.DevicesResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	match, err := compileFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	heard := r.heard()
	out := &warrenv1.DevicesResponse{}
	log := r.log()
	for d := range log.Devices() {
		dev := r.deviceNow(log, d, heard)
		ok, err := match(dev)
		if err != nil {
			return nil, err
		}
		if ok {
			out.Devices = append(out.Devices, dev)
		}
	}
	return out, nil
}

// Device implements NodeService.
func (s nodeService) Device(_ context.Context, req *warrenv1.DeviceRequest) (*warrenv1.DeviceResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	d, err := FindDevice(r.log(), req.GetDevice())
	if err != nil {
		return nil, err
	}
	return &warrenv1.DeviceResponse{Device: r.deviceNow(r.log(), d, r.heard())}, nil
}

// heard tells how the peers are, as far as gossip knows.
func (r *Running) heard() map[identity.NodeID]gossip.Member {
	picture := r.Gossip.Picture()
	out := make(map[identity.NodeID]gossip.Member, len(picture))
	for _, m := range picture {
		out[m.ID] = m
	}
	return out
}

func deviceOf(log *trust.Log, d trust.Device, online bool) *warrenv1.Device {
	out := &warrenv1.Device{
		Id: d.ID.String(), Name: d.Name, Role: d.Role(), Addresses: addresses(log, d), Tags: d.Tags,
		Site: d.Site, Customer: d.Customer, Ownership: "managed", Owner: d.Owner,
		Online: online && !d.Revoked, Revoked: d.Revoked, Joined: d.NotBefore.Unix(),
	}
	if d.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD {
		out.Ownership = "byod"
	}
	if !d.NotAfter.IsZero() {
		out.Expires = d.NotAfter.Unix()
	}
	return out
}

// addresses are a machine's overlay addresses, IPv6 first.
func addresses(log *trust.Log, d trust.Device) []string {
	out := []string{log.Mesh().Address(d.ID).String()}
	if d.IPv4.IsValid() {
		out = append(out, d.IPv4.String())
	}
	return out
}
