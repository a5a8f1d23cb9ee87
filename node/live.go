package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh"
	"warren/mesh/engine"
	"warren/mesh/identity"
	"warren/mesh/rendezvous"
	"warren/node/api"
	"warren/node/fault"
	"warren/node/ordering"
	"warren/node/plan"
	"warren/node/platform"
	"warren/node/port"
	"warren/node/view"
	"warren/session/broker"
)

// saveEvery is how often new endpoints of others reach the disk at most.
const saveEvery = 200 * time.Millisecond

// life is a member at work: its parts, and what joins them.
type life struct {
	*machine
	view      *view.Cache
	engine    *engine.Engine
	hub       *broker.Hub
	broker    *broker.Broker
	gossip    *gossiper
	auditor   *auditor
	port      *port.Listener
	presence  *api.Presence
	authority ordering.Authority
	replica   *replica // on controllers
	follower  *follower
	plan      atomic.Pointer[plan.Plan]
	public    *public
	// Where this machine is a rendezvous, that and its ports.
	rendezvous *rendezvous.Server
	services   *identity.Rendezvous
}

// live runs a member until ctx ends. Parts start in the order in which they
// need each other, and end together with ctx.
func (m *machine) live(ctx context.Context, doors []net.Listener) error {
	l := &life{machine: m}
	if err := l.open(); err != nil {
		return err
	}
	defer l.closeRendezvous()
	if l.replica == nil && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(collectFrom(l.engine.Mode()))
	}
	if l.view.Now().Log == nil {
		if err := l.follower.fetch(ctx); err != nil {
			l.engine.Close()
			return err
		}
		if err := l.seat(); err != nil {
			l.engine.Close()
			return err
		}
	}
	// The engine goes last: what the others say while they end travels through
	// its tunnels.
	under, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	tunnels, above := errgroup.WithContext(under)
	tunnels.Go(func() error { return l.engine.Run(under) })
	tunnels.Go(func() error {
		defer stop()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(above, cancel)()
		return l.work(ctx, doors)
	})
	return tunnels.Wait()
}

// work is everything but the tunnels.
func (l *life) work(ctx context.Context, doors []net.Listener) error {
	if err := l.converge(); err != nil { // the overlay's addresses, before anybody listens on them
		return err
	}
	if l.now().Revoked {
		return fault.New(fault.Denied, "this machine was revoked from the mesh %q", l.membership().MeshName).
			Try("warren leave, then join with a new link").Because("revoked")
	}
	if err := l.sessions(ctx); err != nil {
		return err
	}
	if err := l.openGossip(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	l.serve(ctx, g, doors)
	if l.replica != nil {
		g.Go(func() error { return l.replica.run(ctx) })
	}
	g.Go(func() error { return l.follower.run(ctx) })
	g.Go(func() error { return l.view.Run(ctx, saveEvery) })
	g.Go(func() error { return l.announce(ctx) })
	g.Go(func() error { return l.renew(ctx) })
	g.Go(func() error { return l.callOut(ctx) })
	g.Go(func() error { return l.watch(ctx) })
	g.Go(func() error { return l.gossip.run(ctx) })
	g.Go(func() error { return l.auditor.run(ctx) })
	g.Go(func() error { return l.public.run(ctx, l.engine.Refresh) })
	if l.owned() {
		l.offerConsole(ctx)
	}
	l.running.Store(l.api())
	l.ready.Store(true)
	if l.cfg.Ready != nil {
		l.cfg.Ready()
	}
	err := errors.Join(g.Wait(), l.auditor.close())
	l.running.Store(nil)
	l.ready.Store(false)
	return err
}

// open makes the parts; none runs yet.
func (l *life) open() error {
	var err error
	if l.view, err = view.Open(l.mesh, l.home.View()); err != nil {
		return l.badView(err)
	}
	if l.view.Now().Log == nil && len(l.member.Controllers) == 0 {
		return fault.New(fault.Invalid, "the state folder %s is incomplete: the view is missing", l.cfg.Dir).Try("restore it from a backup")
	}
	l.auditor = l.openAuditor()
	if err := l.openEngine(); err != nil {
		return err
	}
	l.presence = api.NewPresence(l.engine, l.now)
	anyone, browsers, err := l.openRendezvous()
	if err != nil {
		l.engine.Close()
		return err
	}
	l.port, err = port.NewListener(port.Config{Key: l.key, Admit: l.admit, Anyone: anyone, Browsers: browsers, Log: l.log.With("part", "port")}, port.Enrol, port.Node, port.Raft)
	if err != nil {
		return err
	}
	l.follower = newFollower(l)
	return l.seat()
}

// seat opens a controller's replica.
func (l *life) seat() (err error) {
	l.authority = l.remote()
	if log := l.view.Now().Log; log == nil || !log.IsController(l.key.ID()) {
		return nil
	}
	if l.replica, err = l.openReplica(); err != nil {
		return err
	}
	l.authority = l.replica.council
	return nil
}

// remote asks any controller but this machine.
func (l *life) remote() ordering.Remote { return ordering.Remote{Key: l.key, Doors: l.doors} }

// orders tells that this machine is a controller.
func (l *life) orders() bool { return l.replica != nil && l.replica.ordering() }

// badView says what to do about a view that cannot be used. A machine that
// knows controllers from its invite gets it anew from them.
func (l *life) badView(err error) error {
	kind, hint := fault.Invalid, "move it away; this machine fetches it anew"
	if errors.Is(err, platform.ErrCorrupt) {
		kind = fault.Internal
	} else {
		err = fmt.Errorf("%s: %w", l.cfg.Dir.View(), err)
	}
	if len(l.member.Controllers) == 0 {
		hint = "restore it from a backup"
	}
	return fault.New(kind, "%w", err).Try("%s", hint)
}

func (l *life) openEngine() error {
	tunnel, err := l.home.EnsureTunnel()
	if err != nil {
		return err
	}
	mode := engine.ModeUserspace
	switch {
	case l.cfg.Up.Loopback || l.cfg.Up.Tun == "userspace":
	case l.cfg.Up.Tun == "kernel" || platform.CanTun():
		mode = engine.ModeKernel
	}
	l.public = newPublic(l.cfg.Up, l.log)
	l.engine, err = engine.New(engine.Options{
		Port: uint16(l.listen.Port), Mode: mode, Loopback: l.cfg.Up.Loopback, //nolint:gosec // checked by Check
		WireGuard: [32]byte(tunnel.WireGuard), Disco: [32]byte(tunnel.Disco),
		ExtraEndpoints: l.public.endpoints, Log: l.log,
	})
	if errors.Is(err, engine.ErrPortTaken) {
		return fault.New(fault.Conflict, "UDP port %d is taken by another program", l.listen.Port).Try("--listen :PORT with another PORT").Because("port")
	}
	if errors.Is(err, engine.ErrUnsupported) {
		return fault.New(fault.Unavailable, "%w", err).Try("--tun userspace")
	}
	return err
}

// sessions opens the overlay sockets of the sessions.
func (l *life) sessions(ctx context.Context) error {
	at := netip.AddrPortFrom(l.mesh.Address(l.key.ID()), mesh.SessionPort)
	socket, err := l.engine.ListenPacket(at)
	if err != nil {
		return fmt.Errorf("session socket: %w", err)
	}
	l.hub, err = broker.NewHub(broker.HubConfig{
		Socket: socket, AllowCandidate: l.mesh.Prefix().Contains, Log: l.log,
	})
	if err != nil {
		return err
	}
	l.broker, err = broker.New(broker.Config{
		Key: l.key, Mesh: l.mesh, Hub: l.hub, Kinds: l.kinds(), Audit: l.auditor.note, Log: l.log,
	})
	if err != nil {
		return err
	}
	l.broker.Apply(l.now().Session)
	return nil
}

// serve opens the doors.
func (l *life) serve(ctx context.Context, g *errgroup.Group, doors []net.Listener) {
	g.Go(func() error { return l.port.Run(ctx, doors...) })
	g.Go(func() error { return l.hub.Run(ctx) })
	g.Go(func() error { return l.broker.Run(ctx) })
	l.serveRendezvous(ctx, g)
	g.Go(func() error {
		peers, err := l.engine.Listen(ctx, netip.AddrPortFrom(l.mesh.Address(l.key.ID()), mesh.PeerPort))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("peer port: %w", err)
		}
		return port.Serve(ctx, api.PeerServer(l.broker, api.NewNewsService(l.view), l.whose), peers)
	})
	if l.replica == nil {
		return
	}
	g.Go(func() error {
		return port.Serve(ctx, api.EnrolServer(l.replica.desk), l.port.Protocol(port.Enrol))
	})
	g.Go(func() error {
		service := api.ControllerService{View: l.view, Authority: ordering.Deputy{Council: l.replica.council}, Enter: l.replica.Enter, Rates: api.NewRates(), Spread: l.gossip.Say}
		council := api.CouncilService{ControllerService: service, Council: l.replica.council}
		return port.Serve(ctx, api.ControllerServer(council, l.auditor.service(api.Caller)), l.port.Protocol(port.Node))
	})
}

// admit decides who may speak which protocol on the node port.
func (l *life) admit(id identity.NodeID, _ ed25519.PublicKey, protocol string) error {
	if !l.orders() {
		return errors.New("this machine is no controller")
	}
	log := l.view.Now().Log
	switch protocol {
	case port.Enrol:
		return nil
	case port.Node:
		// Who was a member gets in to be told of it: see ControllerService.
		if _, ok := log.Device(id); !ok {
			return fmt.Errorf("node %s is no member", id.Short())
		}
		return nil
	case port.Raft:
		if !log.IsController(id) {
			return fmt.Errorf("node %s is no controller", id.Short())
		}
		return nil
	}
	return fmt.Errorf("unknown protocol %q", protocol)
}

// whose names the peer with an overlay address.
func (l *life) whose(a netip.Addr) (identity.NodeID, bool) {
	for _, p := range l.now().Mesh.Peers {
		for _, own := range p.Addresses {
			if own == a {
				return p.ID, true
			}
		}
	}
	return identity.NodeID{}, false
}

// now is the plan in force.
func (l *life) now() plan.Plan {
	if p := l.plan.Load(); p != nil {
		return *p
	}
	return plan.Plan{}
}

// api is this life as handlers see it.
func (l *life) api() *api.Running {
	return &api.Running{
		Self: l.key.ID(), Home: l.home, View: l.view, Plan: l.now, Authority: l.authority,
		Engine: l.engine, Presence: l.presence, Gossip: l.gossip, Hub: l.hub, Broker: l.broker, Opened: api.NewOpened(), Looks: api.NewLooks(l.key.ID(), runtime.GOOS),
		Controllers: l.controllers, Contact: l.follower.contact, Clocks: l.clocks, Audit: l.auditor.api(),
		Backup: l.backup,
		Log:    l.log.With("part", "api"),
	}
}

// controllers tells how the controllers are, as seen from here.
func (l *life) controllers(context.Context) []api.Controller {
	now := l.view.Now()
	if now.Log == nil {
		return nil
	}
	var out []api.Controller
	for _, id := range now.Log.Controllers() {
		out = append(out, api.Controller{
			ID: id, Voter: slices.Contains(now.Voters, id), Leader: id == now.Leader,
			Reachable: id == l.key.ID() || l.follower.follows(id),
		})
	}
	return out
}

// facts are what this machine states of itself.
func (l *life) facts() []*warrenv1.Statement { return l.view.Facts().Of(l.key.ID()) }
