package api

import (
	"context"
	"net"
	"net/http"
	"os"

	"connectrpc.com/connect"

	"warren/api/warren/v1/warrenv1connect"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/platform"
	"warren/node/port"
)

// maxLocal bounds one message of a local program.
const maxLocal = 4 << 20

type callerKey struct{}

// nobody is the uid of a caller whose credentials the system did not give.
const nobody = -1

// callerOf is the local uid a request comes from.
func callerOf(ctx context.Context) int {
	if uid, ok := ctx.Value(callerKey{}).(int); ok {
		return uid
	}
	return nobody
}

// LocalServer serves the local socket. Every local user may ask for the
// status; all else is for root, the user the node runs as, and the technician
// who joined from here.
func LocalServer(l *Local) *http.Server {
	mux := http.NewServeMux()
	opts := []connect.HandlerOption{
		connect.WithInterceptors(fault.Interceptor()), connect.WithReadMaxBytes(maxLocal),
	}
	mux.Handle(warrenv1connect.NewNodeServiceHandler(nodeService{l}, opts...))
	mux.Handle(warrenv1connect.NewInviteServiceHandler(inviteService{l}, opts...))
	mux.Handle(warrenv1connect.NewPolicyServiceHandler(policyService{l}, opts...))
	mux.Handle(warrenv1connect.NewSessionServiceHandler(sessionService{Local: l}, opts...))
	mux.Handle(warrenv1connect.NewAuditServiceHandler(auditService{l}, opts...))
	mux.Handle(warrenv1connect.NewMeaningServiceHandler(meaningService{l}, opts...))
	mux.Handle(warrenv1connect.NewCareServiceHandler(careService{l}, opts...))
	mux.Handle(warrenv1connect.NewControllersServiceHandler(controllersService{l}, opts...))
	return port.Server(fromHere(l.known(mux)), func(ctx context.Context, c net.Conn) context.Context {
		uid, _, _, err := platform.PeerUID(c)
		if err != nil {
			uid = nobody
		}
		return context.WithValue(ctx, callerKey{}, uid)
	})
}

// fromHere turns away what a browser could be made to send: the socket is for
// programs (SECURITY.md D-32).
func fromHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != client.SocketHost || r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "" {
			http.Error(w, "this socket is for programs of this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known lets strangers among the local users ask for the status only.
func (l *Local) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		uid := callerOf(r.Context())
		if uid >= 0 && (uid == 0 || uid == os.Getuid() || uid == l.technicianUID()) || r.URL.Path == warrenv1connect.NodeServiceStatusProcedure {
			next.ServeHTTP(w, r)
			return
		}
		err := fault.New(fault.Denied, "this node does not answer to user %d", uid).Try("as root, or as the technician who joined here")
		_ = connect.NewErrorWriter().Write(w, r, fault.Wire(err))
	})
}

// technicianUID is the local user who may use the technician's key.
func (l *Local) technicianUID() int {
	t, err := l.Home.Technician()
	if err != nil {
		return nobody
	}
	return t.UID
}
