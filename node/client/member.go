package client

import (
	"context"
	"errors"
	"net"
	"net/http"

	"connectrpc.com/connect"

	"warren/api/warren/v1/warrenv1connect"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/port"
)

// Unreached is the reason of an error where no connection came about, so that
// nothing was begun.
const Unreached = "unreached"

// Controller speaks to one controller as a member.
type Controller struct {
	warrenv1connect.ControllerServiceClient
	// Council is for other controllers, and for admins' nodes.
	Council   warrenv1connect.CouncilServiceClient
	transport *http.Transport
}

// NewController prepares a client of the controller id at the addresses.
func NewController(key identity.NodeKey, id identity.NodeID, addresses []string) *Controller {
	hc, t := over(key, id, port.Node, addresses)
	return &Controller{
		ControllerServiceClient: warrenv1connect.NewControllerServiceClient(hc, "http://controller", options()...),
		Council:                 warrenv1connect.NewCouncilServiceClient(hc, "http://controller", options()...),
		transport:               t,
	}
}

// Close drops the connection.
func (c *Controller) Close() { c.transport.CloseIdleConnections() }

// Witness asks one controller about its audit log, as a member.
type Witness struct {
	warrenv1connect.WitnessServiceClient
	transport *http.Transport
}

// NewWitness prepares a client of the controller id at the addresses.
func NewWitness(key identity.NodeKey, id identity.NodeID, addresses []string) *Witness {
	hc, t := over(key, id, port.Node, addresses)
	return &Witness{
		WitnessServiceClient: warrenv1connect.NewWitnessServiceClient(hc, "http://controller", options()...),
		transport:            t,
	}
}

// Close drops the connection.
func (w *Witness) Close() { w.transport.CloseIdleConnections() }

// Enrol speaks to one controller as a newcomer.
type Enrol struct {
	warrenv1connect.EnrolServiceClient
	transport *http.Transport
}

// NewEnrol prepares a newcomer's client of the controller id.
func NewEnrol(key identity.NodeKey, id identity.NodeID, addresses []string) *Enrol {
	hc, t := over(key, id, port.Enrol, addresses)
	return &Enrol{
		EnrolServiceClient: warrenv1connect.NewEnrolServiceClient(hc, "http://controller", options()...),
		transport:          t,
	}
}

// Close drops the connection.
func (e *Enrol) Close() { e.transport.CloseIdleConnections() }

// NewPeer speaks to a member inside the overlay; dial gives a connection to
// its peer port. The tunnel has proven who answers.
func NewPeer(dial func(context.Context) (net.Conn, error)) (warrenv1connect.PeerServiceClient, func()) {
	t := port.Transport(dial)
	return warrenv1connect.NewPeerServiceClient(&http.Client{Transport: t}, "http://peer", options()...), t.CloseIdleConnections
}

// NewNews speaks to a member as NewPeer does, of what all agree on.
func NewNews(dial func(context.Context) (net.Conn, error)) (warrenv1connect.NewsServiceClient, func()) {
	t := port.Transport(dial)
	return warrenv1connect.NewNewsServiceClient(&http.Client{Transport: t}, "http://peer", options()...), t.CloseIdleConnections
}

func over(key identity.NodeKey, id identity.NodeID, protocol string, addresses []string) (*http.Client, *http.Transport) {
	t := port.Transport(func(ctx context.Context) (net.Conn, error) {
		c, err := port.DialAny(ctx, key, id, protocol, addresses)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "controller %s does not answer: %w", id.Short(), err).
				Because(Unreached).Try("whether it runs, and whether this machine reaches its address")
		}
		return c, nil
	})
	return &http.Client{Transport: t}, t
}

// Unanswered is for people, where none of the controllers answered; last is
// what the last one said.
func Unanswered(last error) error {
	if last == nil {
		last = errors.New("none is known")
	}
	var f *fault.Error
	for at := last; errors.As(at, &f); at = f.Err {
		if f.Reason == Unreached && errors.Unwrap(f.Err) != nil {
			last = errors.Unwrap(f.Err) // which of them it was helps nobody
		}
	}
	return fault.New(fault.Unavailable, "no controller answers: %w", last).Try("warren status").Because("no-controller")
}

// maxMessage bounds one message of a controller or a peer: a whole View of a
// large mesh.
const maxMessage = 64 << 20

func options() []connect.ClientOption {
	return []connect.ClientOption{
		connect.WithInterceptors(fault.Interceptor()),
		connect.WithReadMaxBytes(maxMessage),
	}
}
