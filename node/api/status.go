package api

import (
	"context"
	"sync/atomic"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
)

// Local is what the local socket needs. Running is empty while the machine
// waits for its approval.
type Local struct {
	Home    home.Home
	Member  func() home.Member
	Running *atomic.Pointer[Running]
	// Ready tells that the overlay is up.
	Ready func() bool
	// Up are the options it runs with, Started when that began, Lines the newest
	// lines of its log.
	Up      platform.Config
	Started time.Time
	Lines   func() string
	// Version is this program's.
	Version string
	// Errors writes down what callers are told.
	Errors *Errors
	// Console serves pages; nil where there are none.
	Console Console
	// Found makes a mesh while this machine is in none.
	Found func(uid int, mesh, node string) (*warrenv1.FoundResponse, error)
	// Suggested is the name this machine gets in a mesh where none is given.
	Suggested string
	// Stop ends the node; with leave it bids farewell first.
	Stop func(leave bool)
}

func (l *Local) running() (*Running, error) {
	if r := l.Running.Load(); r != nil {
		return r, nil
	}
	m := l.Member()
	if m.Mesh == "" {
		return nil, fault.New(fault.NotFound, "this machine is in no mesh yet").Try("warren console, whose page founds one").Because("no-mesh").Says(fault.NoMesh)
	}
	if p := m.Pending; p != nil {
		return nil, fault.New(fault.Unavailable, "this machine waits for approval; its words are: %s", p.Phrase).Try("warren approve on a technician's machine").Says(fault.Waiting, p.Phrase)
	}
	return nil, fault.New(fault.Unavailable, "the node is starting").Try("again in a moment").Says(fault.Starting)
}

type nodeService struct{ *Local }

// Status implements NodeService.
func (s nodeService) Status(ctx context.Context, _ *warrenv1.StatusRequest) (*warrenv1.StatusResponse, error) {
	m := s.Member()
	out := &warrenv1.StatusResponse{
		Mesh: m.MeshName, MeshId: m.Mesh, Ready: s.Ready(),
		Node: &warrenv1.Node{Name: m.Name, Role: m.Role},
	}
	if m.Pending != nil {
		out.PendingPhrase = m.Pending.Phrase
		out.Warnings = append(out.Warnings, "this machine waits for approval")
	}
	if s.Console != nil {
		out.Warnings = append(out.Warnings, s.Console.Warnings()...)
	}
	r := s.Running.Load()
	if r == nil {
		return out, nil
	}
	now := r.View.Now()
	out.Node.Id = r.Self.String()
	if d, ok := now.Log.Device(r.Self); ok {
		out.Node.Name, out.Node.Role = d.Name, d.Role()
		out.Node.Addresses = addresses(now.Log, d)
	}
	out.Revision = now.Revision
	paths, heard := r.Presence.Look(ctx), r.heard()
	out.PeersTotal = uint32(len(paths)) //nolint:gosec // a count of peers
	for _, p := range paths {
		if online, _ := presence(p, heard[p.ID]); online {
			out.PeersOnline++
		}
	}
	reached := false
	for _, c := range r.council(ctx, paths) {
		reached = reached || c.GetReachable()
		if c.GetLeader() {
			out.Leader = c.GetName()
		}
		out.Controllers = append(out.Controllers, &warrenv1.Controller{
			Name: c.GetName(), Id: c.GetId(), Voter: c.GetVoter(), Reachable: c.GetReachable(), Leader: c.GetLeader(),
		})
	}
	if !reached {
		out.Leader = "" // who led last is not who leads now
	}
	out.Warnings = append(out.Warnings, r.warnings()...)
	return out, nil
}

// warnings are what an owner should change.
func (r *Running) warnings() []string {
	var out []string
	switch voters := len(r.View.Now().Voters); {
	case len(r.log().Controllers()) == 1:
		out = append(out, "there is one controller only; while it is down nothing can be changed")
	case voters == 1:
		out = append(out, "one controller only votes; warren controllers add NODE gives another its vote")
	case voters == 2:
		out = append(out, "two controllers vote; while either is down nothing can be changed; add a third")
	}
	if err := r.View.Now().PolicyErr; err != nil {
		out = append(out, err.Error()+"; until then nothing is allowed")
	}
	if err := r.View.Now().Fork; err != nil {
		out = append(out, "a controller told this machine another history of the mesh: "+err.Error()+"; compare with other machines, and revoke that controller")
	}
	out = append(out, r.Gossip.Warnings()...)
	out = append(out, r.Audit.Warnings()...)
	out = append(out, r.Plan().Warnings...)
	return out
}

// Down implements NodeService.
func (s nodeService) Down(ctx context.Context, req *warrenv1.DownRequest) (*warrenv1.DownResponse, error) {
	if req.GetLeave() {
		if r := s.Running.Load(); r != nil {
			if err := r.farewell(ctx); err != nil {
				r.Log.Warn("left without telling the mesh", "err", err)
			}
		}
	}
	s.Stop(req.GetLeave())
	return &warrenv1.DownResponse{}, nil
}
