package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tailscale/wireguard-go/tun"
	"go4.org/mem"
	"golang.org/x/sync/errgroup"
	"tailscale.com/control/controlknobs"
	"tailscale.com/envknob"
	"tailscale.com/health"
	"tailscale.com/net/netmon"
	"tailscale.com/net/netns"
	"tailscale.com/net/tstun"
	"tailscale.com/types/key"
	"tailscale.com/util/eventbus"
	"tailscale.com/util/usermetric"
	"tailscale.com/wgengine"
	"tailscale.com/wgengine/magicsock"
	"tailscale.com/wgengine/router"

	"warren/mesh/internal/loopback"
)

// ipStack is where sockets on overlay addresses are made: the system's
// sockets, or a stack in this process.
type ipStack interface {
	setAddresses([]netip.Prefix) error
	listen(ctx context.Context, at netip.AddrPort) (net.Listener, error)
	dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error)
	close()
}

// Engine carries packets between this machine and its peers.
type Engine struct {
	opts   Options
	device string
	key    key.NodePrivate
	public key.NodePublic // of key
	disco  key.DiscoPublic

	bus     *eventbus.Bus
	health  *health.Tracker
	monitor *netmon.Monitor
	wg      wgengine.Engine
	sock    *magicsock.Conn
	tun     *tstun.Wrapper
	stack   ipStack

	tunnels  *tunnels
	carriers *carriers
	guard    guard

	view atomic.Pointer[view]
	ends endpoints
	home home
	down func() // closes everything, once

	mu     sync.Mutex // serialises Apply; guards the following
	closed bool
	// homeless is when any home is better than none.
	homeless *time.Timer
}

// New takes the port, the device and the keys, and is idle until Apply names
// peers. It is the rare New that opens things: a taken port or a missing right
// is known at once. Whoever does not get to Run calls Close.
func New(opts Options) (*Engine, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if opts.Port, err = claimPort(opts.Port); err != nil {
		return nil, err
	}
	e := &Engine{
		opts: opts,
		key:  key.NodePrivateFromRaw32(mem.B(opts.WireGuard[:])), //nolint:staticcheck // the library has no other way in
		bus:  eventbus.New(),

		tunnels:  newTunnels(),
		carriers: newCarriers(),
	}
	undo := stack{}
	defer func() { undo.run() }()
	undo.push(e.bus.Close)

	e.public = e.key.Public()
	discoKey := key.DiscoPrivateFromRaw32(mem.B(opts.Disco[:]))
	e.disco = discoKey.Public()
	e.view.Store(newView(Config{}, e.public, new(view)))
	e.health = health.NewTracker(e.bus)
	logf := libraryLog(opts.Log)
	// Else it tells peers all local addresses, the overlay's among them. We
	// give it those that others may try.
	const omit = "TS_DEBUG_OMIT_LOCAL_ADDRS"
	if !envknob.Bool(omit) {
		envknob.Setenv(omit, "true")
	}

	// Marking or binding sockets to an interface needs root, and is there to
	// keep tunnel packets out of a default route that we never set.
	netns.SetEnabled(false)

	if e.monitor, err = netmon.New(e.bus, logf); err != nil {
		return nil, fmt.Errorf("watch network changes: %w", err)
	}
	if opts.Loopback {
		// A monitor that is closed before it starts knows how things are and
		// never watches. (NewStatic makes one, but magicsock panics on it.)
		e.monitor.Close()
	} else {
		undo.push(func() { e.monitor.Close() })
	}

	var dev tun.Device
	var rt router.Router
	in := newIntake()
	if opts.Mode == ModeKernel {
		if dev, rt, err = openDevice(opts); err != nil {
			return nil, err
		}
		if e.device, err = dev.Name(); err != nil {
			return nil, fmt.Errorf("name tun device: %w", err)
		}
		netmon.SetTailscaleInterfaceProps(e.device, 0)
	} else {
		dev, rt = in, router.NewFake(logf)
	}

	knobs := new(controlknobs.Knobs)
	e.wg, err = wgengine.NewUserspaceEngine(logf, wgengine.Config{
		Tun:           dev,
		Router:        rt,
		NetMon:        e.monitor,
		HealthTracker: e.health,
		Metrics:       new(usermetric.Registry),
		ControlKnobs:  knobs,
		EventBus:      e.bus,
		ListenPort:    opts.Port,
		ForceDiscoKey: discoKey,
		OnDERPRecv:    e.onRelayed,
		SetSubsystem:  e.keep,
	})
	if err != nil {
		return nil, fmt.Errorf("start wireguard engine: %w", err)
	}
	undo.push(e.wg.Close)
	if e.sock.LocalPort() != opts.Port {
		return nil, fmt.Errorf("listen on udp port %d: %w", opts.Port, ErrPortTaken)
	}
	if opts.Loopback {
		if err := loopback.Pin(opts.Port); err != nil {
			return nil, err
		}
		// Loopback alone counts as no network at all.
		e.sock.SetNetworkUp(true)
	}
	e.ends.init(e)
	e.watchPort(&undo)

	e.wg.SetPeerByIPPacketFunc(e.peerByIP)
	e.wg.SetPeerConfigFunc(e.peerConfig)
	e.wg.SetPeerForIPFunc(e.peerNode)
	e.wg.SetPeerSessionStateFunc(e.tunnels.note)
	e.sock.InstallCaptureHook(e.onDisco)
	e.sock.SetHomeless(true)
	e.wg.SetStatusCallback(e.ends.onStatus)
	// The library changes homes only while its control server listens. Ours
	// is told in other ways.
	e.health.GotStreamedMapResponse()

	e.guard.port, e.guard.kernel = e.sock.LocalPort, opts.Mode == ModeKernel
	e.guard.datagrams.mtu, e.guard.datagrams.inject = opts.MTU, e.tun.InjectOutbound
	e.guard.datagrams.isSelf = func(a netip.Addr) bool { return e.view.Load().isSelf(a) }
	if opts.Mode == ModeKernel {
		e.stack = &hostStack{device: e.device, own: &e.guard.own}
	} else {
		us, err := newUserStack(e.tun, opts.MTU)
		if err != nil {
			return nil, err
		}
		in.link.Store(us.link)
		e.stack = us
	}
	undo.push(e.stack.close)
	e.guard.install(e.tun)
	e.tun.Start()

	e.ends.watch()
	e.down = sync.OnceFunc(undo.take())
	return e, nil
}

// keep catches the parts that wgengine makes and hands out no other way.
func (e *Engine) keep(part any) {
	switch p := part.(type) {
	case *magicsock.Conn:
		e.sock = p
	case *tstun.Wrapper:
		e.tun = p
	}
}

// watchPort follows magicsock when it closes and opens its sockets, as it does
// on a new network and after some errors.
func (e *Engine) watchPort(undo *stack) {
	client := e.bus.Client("warren/engine")
	undo.push(client.Close)
	eventbus.SubscribeFunc(client, e.onHome)
	eventbus.SubscribeFunc(client, func(u router.PortUpdate) {
		if u.UDPPort != e.opts.Port {
			e.opts.Log.Warn("lost the udp port to another program", "port", e.opts.Port, "now", u.UDPPort)
		}
		if e.opts.Loopback {
			if err := loopback.Pin(u.UDPPort); err != nil {
				e.opts.Log.Error("bound no socket to loopback", "err", err)
			}
		}
		e.ends.refresh()
	})
}

// Run serves until ctx ends, then closes the tunnels, the device and all
// sockets. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	defer e.Close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		e.help(ctx)
		return nil
	})
	g.Go(func() error {
		e.keepHome(ctx)
		return nil
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wg.Done():
			return errors.New("wireguard device closed by itself")
		}
	})
	return g.Wait()
}

// Close ends an engine that does not Run. It may be called twice.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	if e.homeless != nil {
		e.homeless.Stop()
	}
	e.mu.Unlock()
	e.down()
}

// WireGuardPublic is the public key of the tunnels.
func (e *Engine) WireGuardPublic() [32]byte { return e.public.Raw32() } //nolint:staticcheck // nor another way out

// DiscoPublic is the public key of path discovery.
func (e *Engine) DiscoPublic() [32]byte { return e.disco.Raw32() } //nolint:staticcheck // nor another way out

// Port is the UDP port in use.
func (e *Engine) Port() uint16 { return e.opts.Port }

// Device names the TUN device; it is empty in ModeUserspace.
func (e *Engine) Device() string { return e.device }

// Mode tells where overlay packets meet IP.
func (e *Engine) Mode() Mode { return e.opts.Mode }

// stack undoes, last first.
type stack struct{ fns []func() }

func (s *stack) push(f func()) { s.fns = append(s.fns, f) }

func (s *stack) run() {
	for i := len(s.fns) - 1; i >= 0; i-- {
		s.fns[i]()
	}
}

// take gives away the duty to undo.
func (s *stack) take() func() {
	taken := stack{s.fns}
	s.fns = nil
	return taken.run
}
