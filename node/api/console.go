package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/node/fault"
)

// Console is what serves pages on this machine.
type Console interface {
	// Enter gives an address that lets a browser in once, as the local user uid.
	Enter(uid int) (url string, expires time.Time, err error)
	// Warnings are what a person should know of it.
	Warnings() []string
}

type consoleService struct{ *Local }

// Enter implements ConsoleService.
func (s consoleService) Enter(ctx context.Context, _ *warrenv1.EnterRequest) (*warrenv1.EnterResponse, error) {
	if s.Console == nil {
		return nil, fault.New(fault.Unavailable, "this node serves no console").Try("warren up --console localhost:7780")
	}
	if err := s.stillTrusted(); err != nil {
		return nil, err
	}
	url, expires, err := s.Console.Enter(callerOf(ctx))
	if err != nil {
		return nil, err
	}
	return &warrenv1.EnterResponse{Url: url, Expires: expires.Unix()}, nil
}

// Whoami implements ConsoleService.
func (s consoleService) Whoami(ctx context.Context, _ *warrenv1.WhoamiRequest) (*warrenv1.WhoamiResponse, error) {
	m := s.Member()
	out := &warrenv1.WhoamiResponse{
		Mesh: m.MeshName, Name: m.Name, Role: m.Role, Version: s.Version, Founded: !s.Founding(),
	}
	if s.Founding() {
		out.Suggested = s.Suggested
	}
	r := s.Running.Load()
	if r == nil {
		return out, nil
	}
	out.Node = r.Self.String()
	if log := r.log(); log != nil {
		if d, ok := log.Device(r.Self); ok {
			out.Name, out.Role = d.Name, d.Role()
			if d.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD {
				out.Ownership = "owner"
			}
		}
		if t, _, err := r.person(ctx); err == nil {
			out.Technician, out.Admin = t.Name, t.Admin
		}
	}
	return out, nil
}

// Founding tells that this machine is in no mesh and may found one.
func (l *Local) Founding() bool { return l.Found != nil && l.Member().Mesh == "" }

// Admit tells whether a page of the local user uid is answered. It is so for
// whom the node answers to on its socket, as long as the technician of this
// machine is one.
func (l *Local) Admit(uid int) error {
	if l.Founding() {
		return nil // who came in was let in by the one who runs the node
	}
	if err := l.knows(uid); err != nil {
		return err
	}
	return l.stillTrusted()
}

// stillTrusted refuses where the technician who joined from here was revoked.
func (l *Local) stillTrusted() error {
	r := l.Running.Load()
	if r == nil || r.log() == nil {
		return nil
	}
	kept, err := l.Home.Technician()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pub, _ := ed25519.NewKeyFromSeed(kept.Seed).Public().(ed25519.PublicKey)
	if t, ok := r.log().Technician(pub); ok && t.Revoked {
		return fault.New(fault.Denied, "technician %q was revoked", t.Name).Because("revoked").Try("an admin for a new invite, to join anew").Says(fault.TechnicianRevoked, t.Name)
	}
	return nil
}

// Procedures are the paths of what a page may call: all that the local socket
// has but what lets pages in, and what browsers cannot speak.
func (l *Local) Procedures() []string {
	var out []string
	for _, s := range l.services() {
		out = append(out, methods(s.path)...)
	}
	return slices.DeleteFunc(out, func(p string) bool { return p == warrenv1connect.ConsoleServiceEnterProcedure })
}

// methods are the procedures of the service at path without client streams.
func methods(path string) (out []string) {
	name := protoreflect.FullName(path[1 : len(path)-1])
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil
	}
	service, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	for i := range service.Methods().Len() {
		if m := service.Methods().Get(i); !m.IsStreamingClient() {
			out = append(out, path+string(m.Name()))
		}
	}
	return out
}

// Beginning answers pages while this machine is in no mesh: it founds one.
func (l *Local) Beginning() (procedures []string, h http.Handler) {
	mux := http.NewServeMux()
	opts := l.options()
	path, found := warrenv1connect.NewFoundServiceHandler(foundService{l}, opts...)
	mux.Handle(path, found)
	mux.Handle(warrenv1connect.NewConsoleServiceHandler(consoleService{l}, opts...))
	return append(methods(path), warrenv1connect.ConsoleServiceWhoamiProcedure), mux
}

type foundService struct{ *Local }

// Found implements FoundService.
func (s foundService) Found(ctx context.Context, req *warrenv1.FoundRequest) (*warrenv1.FoundResponse, error) {
	if !s.Founding() {
		return nil, fault.New(fault.NotFound, "there is nothing to found: this machine is in a mesh")
	}
	name := req.GetNode()
	if name == "" {
		name = s.Suggested
	}
	return s.Local.Found(callerOf(ctx), req.GetMesh(), name)
}
