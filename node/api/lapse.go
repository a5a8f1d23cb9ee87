package api

import (
	"context"
	"slices"
	"time"

	"warren/consensus/trust"
	"warren/mesh"
	"warren/node/fault"
)

// lapseCheck is how long after the View the plan may follow.
const lapseCheck = time.Second

// lapse returns, with the reason, when the technician of ctx or the device has
// lost what their session stands on. The device ends it too, but has no tunnel
// left by which to say so.
func (r *Running) lapse(ctx context.Context, d trust.Device) error {
	for {
		watch := r.View.Watch()
		if err := r.stands(ctx, d); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(lapseCheck):
		}
	}
}

func (r *Running) stands(ctx context.Context, d trust.Device) error {
	if now, ok := r.log().Device(d.ID); !ok || now.Revoked {
		return fault.New(fault.Denied, "device %q was revoked", d.Name).Because("revoked").Try("warren devices; it can only join anew").Says(fault.DeviceRevoked, d.Name)
	}
	if _, _, err := r.person(ctx); err != nil {
		return err
	}
	met := func(p mesh.Peer) bool { return p.ID == d.ID }
	if now := r.Plan(); d.ID != r.Self && !slices.ContainsFunc(now.Mesh.Peers, met) && !slices.Contains(now.Silent, d.ID) {
		return fault.New(fault.Denied, "policy does not let this machine meet %q any more", d.Name).Try("warren policy show").Says(fault.NotMetAnyMore, d.Name)
	}
	return nil
}
