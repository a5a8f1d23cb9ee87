package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/connect"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/consensus/command"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/port"
	"warren/node/view"
)

// ControllerServer serves members on the node port of a controller.
func ControllerServer(s CouncilService, w WitnessService) *http.Server {
	mux := http.NewServeMux()
	opts := far(maxLocal)
	mux.Handle(warrenv1connect.NewControllerServiceHandler(s.ControllerService, opts...))
	mux.Handle(warrenv1connect.NewCouncilServiceHandler(s, opts...))
	mux.Handle(warrenv1connect.NewWitnessServiceHandler(w, far(maxNotes)...))
	return port.Server(mux, port.PeerContext)
}

// EnrolServer serves newcomers on the node port of a controller.
func EnrolServer(desk warrenv1connect.EnrolServiceHandler) *http.Server {
	const maxClaim = 256 << 10
	mux := http.NewServeMux()
	mux.Handle(warrenv1connect.NewEnrolServiceHandler(desk, far(maxClaim)...))
	return port.Server(mux, port.PeerContext)
}

// ledgerTime bounds how long a controller looks for the leader on behalf of
// somebody who can ask the next one.
const ledgerTime = 3 * time.Second

// ControllerService answers members.
type ControllerService struct {
	View      *view.Cache
	Authority ordering.Authority
	// Enter appends an entry that this controller signs.
	Enter func(ctx context.Context, body any, done func(*trust.Log) bool) error
	// Rates bound what one member makes this controller do.
	Rates *Rates
	// Spread tells the other members what a member stated here, unless nil: they
	// may follow another controller, and meet that member by this alone.
	Spread func(*warrenv1.Statement)
}

func (s ControllerService) caller(ctx context.Context) (port.Peer, error) {
	p, ok := port.PeerFrom(ctx)
	if !ok {
		return p, fault.New(fault.Denied, "the caller proved no key")
	}
	return p, mustBeMember(s.View.Now().Log, p.ID)
}

// Follow implements ControllerService.
func (s ControllerService) Follow(ctx context.Context, req *warrenv1.FollowRequest, stream *connect.ServerStream[warrenv1.View]) error {
	peer, err := s.caller(ctx)
	if err != nil {
		return s.lastWord(stream, err)
	}
	ctx, leave, err := s.Rates.Follow(ctx, peer.ID)
	if err != nil {
		return err
	}
	defer leave()
	s.take(peer, req.GetFacts())
	held, policyHash := req.GetEntries(), hash32(req.GetPolicy())
	if log := s.View.Now().Log; held > 0 && !log.Contains(hash32(req.GetHead()), held-1) {
		held = 0 // ahead of us or astray: it compares what it gets
	}
	var seen uint64
	for {
		agreed, facts := s.View.Watch(), s.View.Facts().Watch()
		now := s.View.Now()
		v := s.View.Newer(held, policyHash)
		v.Facts, seen = s.View.Facts().Since(seen)
		if err := stream.Send(v); err != nil {
			return err
		}
		held = now.Log.Len()
		policyHash, _ = now.Log.Policy()
		select {
		case <-agreed:
		case <-facts:
		case <-ctx.Done():
			var replaced *fault.Error
			if errors.As(context.Cause(ctx), &replaced) {
				return replaced
			}
			return nil
		}
		if err := mustBeMember(s.View.Now().Log, peer.ID); err != nil {
			return s.lastWord(stream, err)
		}
	}
}

// lastWord lets a machine that was revoked see so, and nothing else.
func (s ControllerService) lastWord(stream *connect.ServerStream[warrenv1.View], err error) error {
	if fault.Of(err).Reason != "revoked" {
		return err
	}
	log := s.View.Now().Log
	mesh := log.Mesh()
	_ = stream.Send(&warrenv1.View{Mesh: mesh[:], Revocations: log.Revocations()}) // it may have gone
	return err
}

// take keeps the statements a member makes of itself, and no others'.
func (s ControllerService) take(peer port.Peer, facts []*warrenv1.Statement) {
	for _, f := range facts {
		for _, sig := range f.GetSignatures() {
			if identity.NodeIDOf(sig.GetKey()) == peer.ID {
				if news, err := s.View.Facts().Merge(f); err == nil && news && s.Spread != nil {
					s.Spread(f)
				}
			}
		}
	}
}

// Announce implements ControllerService.
func (s ControllerService) Announce(ctx context.Context, req *warrenv1.AnnounceRequest) (*warrenv1.AnnounceResponse, error) {
	peer, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Rates.Allow(peer.ID); err != nil {
		return nil, err
	}
	s.take(peer, req.GetFacts())
	return &warrenv1.AnnounceResponse{}, nil
}

// Propose implements ControllerService. What a command says is signed by those
// entitled, or refused when it is applied; but even what is refused is written
// to disk, so that only who has something to say gets that far.
func (s ControllerService) Propose(ctx context.Context, req *warrenv1.ProposeRequest) (*warrenv1.ProposeResponse, error) {
	peer, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Rates.Allow(peer.ID); err != nil {
		return nil, err
	}
	c, err := command.Decode(req.GetCommand())
	if err != nil {
		return nil, fault.New(fault.Invalid, "the command: %w", err)
	}
	if err := s.mayOrder(peer, c); err != nil {
		return nil, err
	}
	revision, err := s.Authority.Propose(ctx, c.Body)
	if err != nil {
		return nil, err
	}
	return &warrenv1.ProposeResponse{Revision: revision}, nil
}

// mayOrder: machines a technician works from, and controllers, hand in what
// people sign; every other machine its own farewell only.
func (s ControllerService) mayOrder(peer port.Peer, c command.Command) error {
	if c.Kind == command.InviteClaimed || c.Kind == command.MeshFounded || c.Kind == command.FormatRaised {
		return fault.New(fault.Denied, "a member does not order %s", c.Kind)
	}
	log := s.View.Now().Log
	if t, ok := log.TechnicianOfNode(peer.ID); ok && !t.Revoked || log.IsController(peer.ID) {
		return nil
	}
	if body, ok := c.Body.(*warrenv1.Revoked); ok {
		var m warrenv1.Revocation
		signers, err := identity.Open(body.GetRevocation(), identity.TypeRevocation, &m)
		if err == nil && signers.Has(peer.Key) && string(m.GetTarget()) == string(peer.ID[:]) {
			return nil
		}
	}
	return fault.New(fault.Denied, "no technician works from node %s", peer.ID.Short()).Because("no-technician")
}

// Renew implements ControllerService.
func (s ControllerService) Renew(ctx context.Context, req *warrenv1.RenewRequest) (*warrenv1.RenewResponse, error) {
	peer, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Rates.Allow(peer.ID); err != nil {
		return nil, err
	}
	var here warrenv1.StillHere
	signers, err := identity.Open(req.GetStatement(), identity.TypeStillHere, &here)
	if err != nil || !signers.Has(peer.Key) {
		return nil, fault.New(fault.Invalid, "a machine renews its own record only")
	}
	err = s.Enter(ctx, &warrenv1.Renewal{Statement: req.GetStatement()}, func(log *trust.Log) bool {
		d, ok := log.Device(peer.ID)
		return ok && d.Epoch >= here.GetEpoch()
	})
	if err != nil {
		return nil, ordering.Fault(err)
	}
	return &warrenv1.RenewResponse{Revision: s.View.Now().Revision}, nil
}

// Ledger implements ControllerService: for machines a technician works from.
func (s ControllerService) Ledger(ctx context.Context, _ *warrenv1.LedgerRequest) (*warrenv1.LedgerResponse, error) {
	peer, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	log := s.View.Now().Log
	if t, ok := log.TechnicianOfNode(peer.ID); (!ok || t.Revoked) && !log.IsController(peer.ID) {
		return nil, fault.New(fault.Denied, "no technician works from node %s", peer.ID.Short()).Because("no-technician")
	}
	// In time for the caller to ask another controller.
	ctx, cancel := context.WithTimeout(ctx, ledgerTime)
	defer cancel()
	return s.Authority.Ledger(ctx)
}

func hash32(b []byte) (h [32]byte) {
	copy(h[:], b)
	return h
}
