package client

import (
	"context"
	"net"
	"net/http"

	"connectrpc.com/connect"

	"warren/api/warren/v1/warrenv1connect"
	"warren/node/fault"
	"warren/node/platform"
	"warren/node/port"
)

// SocketHost is the only Host the local API answers to.
const SocketHost = "warren.sock"

// Local speaks to the node of one state folder.
type Local struct {
	Node     warrenv1connect.NodeServiceClient
	Invites  warrenv1connect.InviteServiceClient
	Policy   warrenv1connect.PolicyServiceClient
	Sessions warrenv1connect.SessionServiceClient
	Audit    warrenv1connect.AuditServiceClient
	Meaning  warrenv1connect.MeaningServiceClient
	Care     warrenv1connect.CareServiceClient

	Controllers warrenv1connect.ControllersServiceClient
	Console     warrenv1connect.ConsoleServiceClient

	transport *http.Transport
}

// NewLocal prepares a client of the node in folder d; nothing is dialled yet.
func NewLocal(d platform.Dir) *Local {
	dial := func(ctx context.Context) (net.Conn, error) { return platform.DialSocket(ctx, d) }
	t := port.Transport(dial)
	hc := &http.Client{Transport: t}
	opts := connect.WithInterceptors(fault.Interceptor())
	base := "http://" + SocketHost
	return &Local{
		Node:     warrenv1connect.NewNodeServiceClient(hc, base, opts),
		Invites:  warrenv1connect.NewInviteServiceClient(hc, base, opts),
		Policy:   warrenv1connect.NewPolicyServiceClient(hc, base, opts),
		Sessions: warrenv1connect.NewSessionServiceClient(hc, base, opts),
		Audit:    warrenv1connect.NewAuditServiceClient(hc, base, opts, connect.WithReadMaxBytes(maxMessage)),
		Meaning:  warrenv1connect.NewMeaningServiceClient(hc, base, opts),
		Care:     warrenv1connect.NewCareServiceClient(hc, base, opts),

		Controllers: warrenv1connect.NewControllersServiceClient(hc, base, opts),
		Console:     warrenv1connect.NewConsoleServiceClient(hc, base, opts),

		transport: t,
	}
}

// Close drops the connection.
func (l *Local) Close() { l.transport.CloseIdleConnections() }
