package api

import (
	"context"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/port"
)

// CouncilService answers the other controllers, and admins' nodes.
type CouncilService struct {
	ControllerService
	Council *ordering.Council
}

// colleague is another controller.
func (s CouncilService) colleague(ctx context.Context) (port.Peer, error) {
	peer, err := s.caller(ctx)
	if err == nil && !s.View.Now().Log.IsController(peer.ID) {
		err = fault.New(fault.Denied, "node %s is no controller", peer.ID.Short()).Because("no-controller")
	}
	return peer, err
}

// leading is colleague, where this controller leads: it is asked as the leader
// and passes nothing on.
func (s CouncilService) leading(ctx context.Context) error {
	if _, err := s.colleague(ctx); err != nil {
		return err
	}
	return s.leads()
}

func (s CouncilService) leads() error {
	if !s.Council.Leads() {
		return fault.New(fault.Unavailable, "this controller does not lead").Because("no-leader")
	}
	return nil
}

// Standing implements CouncilService.
func (s CouncilService) Standing(ctx context.Context, _ *warrenv1.StandingRequest) (*warrenv1.StandingResponse, error) {
	if _, err := s.colleague(ctx); err != nil {
		return nil, err
	}
	return s.Council.Standing(), nil
}

// Order implements CouncilService.
func (s CouncilService) Order(ctx context.Context, req *warrenv1.OrderRequest) (*warrenv1.OrderResponse, error) {
	if err := s.leading(ctx); err != nil {
		return nil, err
	}
	c, err := command.Decode(req.GetCommand())
	if err != nil {
		return nil, fault.New(fault.Invalid, "the command: %w", err)
	}
	if c.Kind == command.MeshFounded || c.Kind == command.FormatRaised {
		return nil, fault.New(fault.Denied, "nobody passes on %s", c.Kind)
	}
	revision, err := s.Council.Local.Propose(ctx, c.Body)
	return &warrenv1.OrderResponse{Revision: revision}, err
}

// Current implements CouncilService.
func (s CouncilService) Current(ctx context.Context, _ *warrenv1.CurrentRequest) (*warrenv1.CurrentResponse, error) {
	if err := s.leading(ctx); err != nil {
		return nil, err
	}
	revision, err := s.Council.Local.Current(ctx)
	return &warrenv1.CurrentResponse{Revision: revision}, err
}

// steward is who may change the cluster: a controller, which asks the leader
// alone, or the node an admin works from, for which any controller asks on.
func (s CouncilService) steward(ctx context.Context) (controller bool, err error) {
	peer, err := s.caller(ctx)
	if err != nil {
		return false, err
	}
	log := s.View.Now().Log
	if log.IsController(peer.ID) {
		return true, s.leads()
	}
	if t, ok := log.TechnicianOfNode(peer.ID); !ok || t.Revoked || !t.Admin {
		return false, fault.New(fault.Denied, "no admin works from node %s", peer.ID.Short()).Because("no-technician")
	}
	return false, s.Rates.Allow(peer.ID)
}

// Seat implements CouncilService.
func (s CouncilService) Seat(ctx context.Context, req *warrenv1.SeatRequest) (*warrenv1.SeatResponse, error) {
	here, err := s.steward(ctx)
	if err != nil {
		return nil, err
	}
	seat := s.Council.Seat
	if here {
		seat = s.Council.SeatHere
	}
	voters, err := seat(ctx, identity.NodeID(hash16(req.GetNode())))
	return &warrenv1.SeatResponse{Voters: uint32(voters)}, err //nolint:gosec // a handful
}

// Unseat implements CouncilService.
func (s CouncilService) Unseat(ctx context.Context, req *warrenv1.UnseatRequest) (*warrenv1.UnseatResponse, error) {
	here, err := s.steward(ctx)
	if err != nil {
		return nil, err
	}
	node := identity.NodeID(hash16(req.GetNode()))
	if !revokes(req.GetRevocation(), node) {
		return nil, fault.New(fault.Invalid, "the revocation is not that controller's")
	}
	unseat := s.Council.Unseat
	if here {
		unseat = s.Council.UnseatHere
	}
	voters, err := unseat(ctx, node, req.GetRevocation())
	return &warrenv1.UnseatResponse{Voters: uint32(voters)}, err //nolint:gosec // a handful
}

// revokes tells whether a statement revokes a machine, or its right to order.
func revokes(s *warrenv1.Statement, node identity.NodeID) bool {
	var m warrenv1.Revocation
	if _, err := identity.Open(s, identity.TypeRevocation, &m); err != nil {
		return false
	}
	kind := m.GetKind()
	right := kind == warrenv1.RevocationKind_REVOCATION_KIND_NODE || kind == warrenv1.RevocationKind_REVOCATION_KIND_CONTROLLER
	return right && string(m.GetTarget()) == string(node[:])
}

func hash16(b []byte) (h [16]byte) {
	copy(h[:], b)
	return h
}
