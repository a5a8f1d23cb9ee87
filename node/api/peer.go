package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/port"
	"warren/session"
	"warren/session/broker"
)

// PeerServer serves members inside the overlay. The tunnel has proven the
// source address, and the address names the node; whose says who has it.
func PeerServer(b *broker.Broker, news NewsService, whose func(netip.Addr) (identity.NodeID, bool)) *http.Server {
	const maxOffer = 128 << 10
	mux := http.NewServeMux()
	opts := far(maxOffer)
	mux.Handle(warrenv1connect.NewPeerServiceHandler(PeerService{b}, opts...))
	mux.Handle(warrenv1connect.NewNewsServiceHandler(news, opts...))
	return port.Server(mux, func(ctx context.Context, c net.Conn) context.Context {
		from, err := netip.ParseAddrPort(c.RemoteAddr().String())
		if err != nil {
			return ctx
		}
		id, ok := whose(from.Addr().Unmap())
		if !ok {
			return ctx
		}
		return port.WithPeer(ctx, port.Peer{ID: id, Address: from})
	})
}

// PeerService answers members inside the overlay.
type PeerService struct{ broker *broker.Broker }

// Hello implements PeerService.
func (s PeerService) Hello(ctx context.Context, req *warrenv1.HelloRequest) (*warrenv1.HelloResponse, error) {
	p, ok := port.PeerFrom(ctx)
	if !ok {
		return nil, fault.New(fault.Denied, "the caller is no peer")
	}
	out, err := s.broker.Hello(ctx, p.ID, req)
	return out, sessionFault(err)
}

// Open implements PeerService.
func (s PeerService) Open(ctx context.Context, req *warrenv1.OpenRequest) (*warrenv1.OpenResponse, error) {
	p, ok := port.PeerFrom(ctx)
	if !ok {
		return nil, fault.New(fault.Denied, "the caller is no peer")
	}
	out, err := s.broker.Open(ctx, p.ID, req)
	return out, sessionFault(err)
}

// self signals to this very machine: a technician may work on the machine he
// sits at.
type self struct {
	broker *broker.Broker
	id     identity.NodeID
}

func (s self) Hello(ctx context.Context, req *warrenv1.HelloRequest) (*warrenv1.HelloResponse, error) {
	out, err := s.broker.Hello(ctx, s.id, req)
	return out, sessionFault(err)
}

func (s self) Open(ctx context.Context, req *warrenv1.OpenRequest) (*warrenv1.OpenResponse, error) {
	out, err := s.broker.Open(ctx, s.id, req)
	return out, sessionFault(err)
}

// sessionFault gives a session's refusal as a fault.
func sessionFault(err error) error {
	var refusal *session.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		code, args := refused(refusal)
		f := fault.New(fault.Denied, "%w", err).Because("refused").Says(code, args...)
		switch refusal.Cause {
		case session.CauseOtherUser:
			return f.Try("--user %s", refusal.Offered)
		case session.CauseUser, session.CauseNoUser, session.CauseNoLogin:
			return f.Try("--user NAME")
		case session.CauseTechnician, session.CauseVerb:
			return f.Try("warren policy show")
		case session.CauseNoVerb, session.CauseUnsupported:
		}
		return f
	case errors.Is(err, session.ErrRefused), errors.Is(err, session.ErrDenied), errors.Is(err, session.ErrNoAnswer):
		f := fault.New(fault.Denied, "%w", err).Because("refused").Try("the device's own log, which has the reason")
		if errors.Is(err, session.ErrNoAnswer) {
			return f.Says(fault.AnswerRefused)
		}
		return f.Says(fault.OfferRefused)
	case errors.Is(err, session.ErrBusy):
		return fault.New(fault.Unavailable, "%w", err).Try("again in a moment").Says(fault.DeviceBusy)
	case errors.Is(err, session.ErrUnreachable), errors.Is(err, session.ErrLost):
		return fault.New(fault.Unavailable, "%w", err).Try("again in a moment").Says(fault.NoConnection)
	case errors.Is(err, session.ErrInvalid):
		return fault.New(fault.Invalid, "%w", err)
	}
	return err
}

// refused is a refusal's code, and what stands in it.
func refused(r *session.Refusal) (fault.Code, []string) {
	switch r.Cause {
	case session.CauseTechnician:
		return fault.NoGrant, nil
	case session.CauseVerb:
		return fault.NoGrantVerb, []string{r.Verb}
	case session.CauseUser:
		return fault.NoGrantUser, []string{r.Verb, r.User}
	case session.CauseNoVerb:
		return fault.NotOffered, []string{r.Verb}
	case session.CauseNoUser:
		return fault.NoUser, []string{r.User}
	case session.CauseNoLogin:
		return fault.NoLogin, []string{r.User}
	case session.CauseOtherUser:
		return fault.OwnUserOnly, []string{r.Offered, r.User}
	case session.CauseUnsupported:
		return fault.NotSupported, []string{r.Verb}
	}
	return "", nil
}
