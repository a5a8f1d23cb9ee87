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

// As puts the local user uid into ctx as the caller. Whoever uses it has
// proof of that.
func As(ctx context.Context, uid int) context.Context {
	return context.WithValue(ctx, callerKey{}, uid)
}

// service is one Connect service of the local API.
type service struct {
	path    string // "/warren.v1.NodeService/"
	handler http.Handler
}

// options are those of every service of the local API. Nothing is compressed
// on the way to a program of this machine.
func (l *Local) options() []connect.HandlerOption {
	return []connect.HandlerOption{
		connect.WithInterceptors(fault.Interceptor(), l.Errors.interceptor()), connect.WithReadMaxBytes(maxLocal),
		connect.WithCompression("gzip", nil, nil),
	}
}

func (l *Local) services() []service {
	opts := l.options()
	var out []service
	add := func(path string, h http.Handler) { out = append(out, service{path, h}) }
	add(warrenv1connect.NewNodeServiceHandler(nodeService{l}, opts...))
	add(warrenv1connect.NewInviteServiceHandler(inviteService{l}, opts...))
	add(warrenv1connect.NewPolicyServiceHandler(policyService{l}, opts...))
	add(warrenv1connect.NewSessionServiceHandler(sessionService{l}, opts...))
	add(warrenv1connect.NewAuditServiceHandler(auditService{l}, opts...))
	add(warrenv1connect.NewMeaningServiceHandler(meaningService{l}, opts...))
	add(warrenv1connect.NewCareServiceHandler(careService{l}, opts...))
	add(warrenv1connect.NewControllersServiceHandler(controllersService{l}, opts...))
	add(warrenv1connect.NewConsoleServiceHandler(consoleService{l}, opts...))
	return out
}

// Services answers the local API for the caller of the request's context (see
// As). Every local user may ask for the status; all else is for root, the user
// the node runs as, the technician who joined from here, and who joined a
// machine of their own.
func (l *Local) Services() http.Handler {
	mux := http.NewServeMux()
	for _, s := range l.services() {
		mux.Handle(s.path, s.handler)
	}
	return l.known(mux)
}

// LocalServer serves the local socket.
func LocalServer(l *Local) *http.Server {
	return port.Server(fromHere(l.Services()), func(ctx context.Context, c net.Conn) context.Context {
		uid, _, _, err := platform.PeerUID(c)
		if err != nil {
			uid = nobody
		}
		return As(ctx, uid)
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
		err := l.knows(callerOf(r.Context()))
		if err == nil || r.URL.Path == warrenv1connect.NodeServiceStatusProcedure {
			next.ServeHTTP(w, r)
			return
		}
		_ = connect.NewErrorWriter().Write(w, r, fault.Wire(l.Errors.Tell(r.Context(), r.URL.Path, false, err)))
	})
}

// knows tells whether the node answers to a local user at all.
func (l *Local) knows(uid int) error {
	if uid >= 0 && (uid == 0 || uid == os.Getuid() || uid == l.technicianUID() || uid == l.Member().OwnerUID) {
		return nil
	}
	return fault.New(fault.Denied, "this node does not answer to user %d", uid).Try("as root, or as the technician who joined here")
}

// Knows tells whether the node answers to the local user uid at all.
func (l *Local) Knows(uid int) bool { return l.knows(uid) == nil }

// technicianUID is the local user who may use the technician's key.
func (l *Local) technicianUID() int {
	t, err := l.Home.Technician()
	if err != nil {
		return nobody
	}
	return t.UID
}
