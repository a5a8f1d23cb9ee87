package api

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
)

type controllersService struct{ *Local }

// council lists the controllers as this machine knows them: who it follows
// answers, and who answers in the overlay is up.
func (r *Running) council(ctx context.Context, paths []Path) []*warrenv1.ListedController {
	log := r.log()
	up := map[identity.NodeID]bool{}
	for _, p := range paths {
		up[p.ID] = p.Online
	}
	var out []*warrenv1.ListedController
	for _, c := range r.Controllers(ctx) {
		name := c.ID.Short()
		if d, ok := log.Device(c.ID); ok {
			name = d.Name
		}
		out = append(out, &warrenv1.ListedController{
			Id: c.ID.String(), Name: name, Voter: c.Voter, Leader: c.Leader, Reachable: c.Reachable || up[c.ID],
		})
	}
	slices.SortFunc(out, func(a, b *warrenv1.ListedController) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out
}

// List implements ControllersService.
func (s controllersService) List(ctx context.Context, _ *warrenv1.ListControllersRequest) (*warrenv1.ListControllersResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	return &warrenv1.ListControllersResponse{Controllers: r.council(ctx, r.Presence.Look(ctx))}, nil
}

func (r *Running) listed(ctx context.Context, id identity.NodeID) *warrenv1.ListedController {
	for _, c := range r.council(ctx, nil) {
		if c.GetId() == id.String() {
			return c
		}
	}
	d, _ := r.log().Device(id)
	return &warrenv1.ListedController{Id: id.String(), Name: d.Name}
}

// Add implements ControllersService. The admin who approved the machine as a
// controller has signed its right to order; nothing new is signed.
func (s controllersService) Add(ctx context.Context, req *warrenv1.AddControllerRequest) (*warrenv1.AddControllerResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	if _, _, err := r.admin(ctx); err != nil {
		return nil, err
	}
	d, err := r.device(req.GetNode())
	if err != nil {
		return nil, err
	}
	switch log := r.log(); {
	case log.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_CONTROLLER, d.ID[:]):
		return nil, fault.New(fault.Denied, "%s was removed from the controllers, for good", d.Name).Because("revoked").
			Try("warren leave on %s, then join with a new link of warren invite --role controller", d.Name)
	case !log.IsController(d.ID):
		return nil, fault.New(fault.Conflict, "%s did not join with the role controller", d.Name).
			Try("warren leave on %s, then join with a link of warren invite --role controller", d.Name)
	}
	voters, err := r.Authority.Seat(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	r.await(ctx, func() bool { return slices.Contains(r.View.Now().Voters, d.ID) })
	c := r.listed(ctx, d.ID)
	c.Voter, c.Reachable = true, true
	return &warrenv1.AddControllerResponse{Controller: c, Voters: uint32(voters)}, nil //nolint:gosec // a handful
}

// await waits a little for this machine's view to show what was ordered.
func (r *Running) await(ctx context.Context, shown func() bool) {
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	for {
		watch := r.View.Watch()
		if shown() {
			return
		}
		select {
		case <-watch:
		case <-ctx.Done():
			return
		}
	}
}

// Remove implements ControllersService.
func (s controllersService) Remove(ctx context.Context, req *warrenv1.RemoveControllerRequest) (*warrenv1.RemoveControllerResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	_, key, err := r.admin(ctx)
	if err != nil {
		return nil, err
	}
	d, err := r.device(req.GetNode())
	if err != nil {
		return nil, err
	}
	log := r.log()
	if !log.IsController(d.ID) {
		return nil, fault.New(fault.Conflict, "%s is no controller", d.Name).Try("warren controllers")
	}
	c := r.listed(ctx, d.ID)
	rest := slices.DeleteFunc(slices.Clone(r.View.Now().Voters), func(id identity.NodeID) bool { return id == d.ID })
	if c.GetVoter() && len(rest) == 0 {
		return nil, fault.New(fault.Conflict, "%s is the only controller that votes", d.Name).Because("last-voter").
			Try("warren controllers add NODE first")
	}
	stmt, err := trust.SignRevocation(log.Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_CONTROLLER, d.ID[:], req.GetReason(), time.Now(), key)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	if req.GetDryRun() {
		return &warrenv1.RemoveControllerResponse{Controller: c, Voters: uint32(len(rest))}, nil //nolint:gosec // a handful
	}
	voters, err := r.Authority.Unseat(ctx, d.ID, stmt)
	if err != nil {
		return nil, err
	}
	r.await(ctx, func() bool { return !r.log().IsController(d.ID) })
	return &warrenv1.RemoveControllerResponse{Controller: c, Voters: uint32(voters)}, nil //nolint:gosec // a handful
}

// partSize is how much of a backup travels in one message.
const partSize = 1 << 20

// Snapshot implements ControllersService.
func (s controllersService) Snapshot(ctx context.Context, _ *warrenv1.SnapshotRequest, stream *connect.ServerStream[warrenv1.SnapshotPart]) error {
	r, err := s.running()
	if err != nil {
		return err
	}
	if uid := callerOf(ctx); uid != 0 && uid != os.Getuid() { // it holds the whole audit log
		return fault.New(fault.Denied, "a backup is for root and for the user this node runs as").Try("the same as one of them")
	}
	part, stale, err := r.Backup(ctx)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(part, partSize) {
		if err := stream.Send(&warrenv1.SnapshotPart{Data: chunk, Stale: stale}); err != nil {
			return err
		}
	}
	return nil
}
