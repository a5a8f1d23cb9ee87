package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"warren/mesh/identity"
	"warren/node/api"
	"warren/node/care"
	"warren/node/console"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/port"
)

// Config of a node.
type Config struct {
	Dir platform.Dir
	// Up are the options of the verb up, file and flags together.
	Up platform.Config
	// Ready is called once, when the socket serves and the overlay is up.
	Ready func()
	// Begin is for a machine in no mesh: where it is given, the node serves a
	// page that founds one, tells Begin its address, and goes on as the founded
	// node. Else such a machine is an error.
	Begin func(url string)
	// Name is this machine's name in a mesh that it founds where no other is
	// given; Version is this program's.
	Name, Version string
	// Waiting is called where this machine waits for its approval first; may be
	// nil, as Ready may.
	Waiting func()
	// Heir is how this program is started so that it calls Inherit first: its
	// path, its name and more arguments. Where none is given, keys that a
	// technician holds on a display stay down when this process is killed, until
	// somebody else calls Inherit or controls that display.
	Heir []string
	// RenewEvery is how often the node looks whether its record is due; 0 is
	// every hour.
	RenewEvery time.Duration
	Log        *slog.Logger
}

// machine is a node while it runs.
type machine struct {
	cfg    Config
	home   home.Home
	key    identity.NodeKey
	mesh   identity.MeshID
	listen *net.TCPAddr
	log    *slog.Logger

	journal *care.Journal
	started time.Time

	console *console.Server
	founded chan struct{} // closed when the machine is in a mesh

	mu     sync.Mutex
	member home.Member

	running atomic.Pointer[api.Running]
	ready   atomic.Bool
	leaving atomic.Bool
	stop    context.CancelFunc
}

// Run runs the node of cfg.Dir until ctx ends or somebody calls Down. Errors
// are faults: no mesh in the folder, another node in it, a port taken, damage.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Up.Check(); err != nil {
		return err
	}
	prepare := cfg.Dir.Check
	if cfg.Begin != nil {
		prepare = cfg.Dir.Create
	}
	if err := prepare(); err != nil {
		return err
	}
	release, err := platform.Lock(cfg.Dir)
	if err != nil {
		return err
	}
	defer release()
	m, err := load(cfg)
	if err != nil {
		return err
	}
	doors, err := m.bind(ctx)
	if err != nil {
		return err
	}
	defer closeAll(doors)
	socket, err := platform.ListenSocket(ctx, cfg.Dir.Socket())
	if err != nil {
		return err
	}
	local, err := m.openConsole(ctx)
	if err != nil {
		_ = socket.Close()
		return err
	}
	ctx, m.stop = context.WithCancel(ctx)
	defer m.stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		// The socket outlives the rest: who asks while the node stops is told.
		return port.Serve(ctx, api.LocalServer(local), socket)
	})
	g.Go(func() error { return m.console.Run(ctx) })
	g.Go(func() error {
		defer m.stop()
		if err := m.begin(ctx); err != nil {
			return err
		}
		if err := m.enrolled(ctx); err != nil {
			return err
		}
		return m.live(ctx, doors)
	})
	err = g.Wait()
	if m.leaving.Load() {
		return m.home.Leave()
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}

// load reads what the folder says this machine is.
func load(cfg Config) (*machine, error) {
	journal := care.NewJournal(cfg.Log.Handler())
	m := &machine{
		cfg: cfg, home: home.At(cfg.Dir), log: slog.New(journal), journal: journal, started: time.Now(),
		founded: make(chan struct{}),
	}
	listen := cfg.Up.Listen
	if listen == "" {
		listen = platform.DefaultListen
	}
	var err error
	m.listen, err = net.ResolveTCPAddr("tcp", listen)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--listen: %w", err)
	}
	m.member, err = m.home.Member()
	if errors.Is(err, fs.ErrNotExist) {
		if cfg.Begin != nil {
			return m, nil
		}
		return nil, fault.New(fault.NotFound, "this machine is in no mesh").Try("warren init --name MESH, or warren join LINK").Because("no-mesh")
	}
	if err != nil {
		return nil, err
	}
	return m, m.become()
}

// become reads the keys of the member that this machine is.
func (m *machine) become() error {
	if open := m.cfg.Dir.Tighten(m.home.Files()...); len(open) > 0 {
		m.log.Warn("files that other users could read were closed to them; whoever read a key can use it until this machine is revoked", "files", open)
	}
	var err error
	if m.mesh, err = m.member.MeshID(); err != nil {
		return fault.New(fault.Invalid, "%s: %w", m.cfg.Dir.Path("member"), err)
	}
	m.key, err = m.home.NodeKey()
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Invalid, "the state folder %s is incomplete: node.key is missing", m.cfg.Dir).Try("restore it from a backup, or warren leave and join anew")
	}
	if err != nil {
		return err
	}
	close(m.founded)
	return nil
}

// local is what the local socket works with.
func (m *machine) local() *api.Local {
	return &api.Local{
		Home: m.home, Member: m.membership, Running: &m.running, Ready: m.ready.Load,
		Up: m.cfg.Up, Started: m.started, Lines: m.journal.Text, Version: m.cfg.Version,
		Errors: api.NewErrors(m.log.With("part", "api")),
		Stop: func(leave bool) {
			m.leaving.Store(leave)
			m.stop()
		},
	}
}

func (m *machine) membership() home.Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.member
}

// enrolled waits until this machine is a member.
func (m *machine) enrolled(ctx context.Context) error {
	if m.membership().Pending == nil {
		return nil
	}
	m.log.Info("waiting for approval", "mesh", m.member.MeshName, "phrase", m.member.Pending.Phrase)
	if m.cfg.Waiting != nil {
		m.cfg.Waiting()
	}
	member, err := enrol.Await(ctx, m.home)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.member = member
	m.mu.Unlock()
	return nil
}

func closeAll(list []net.Listener) {
	for _, l := range list {
		_ = l.Close()
	}
}

// bind takes the node port before anything else starts: a taken port is told
// at once.
func (m *machine) bind(ctx context.Context) ([]net.Listener, error) {
	ports := []int{m.listen.Port}
	if p := m.cfg.Up.ListenTLS; p != 0 {
		ports = append(ports, p)
	}
	hosts := []string{""}
	if m.listen.IP != nil {
		hosts = []string{m.listen.IP.String()}
	}
	if m.cfg.Up.Loopback {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var out []net.Listener
	var lc net.ListenConfig
	for _, p := range ports {
		for _, h := range hosts {
			l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(h, fmt.Sprint(p)))
			if err != nil {
				if h == "::1" && !platform.AddrInUse(err) {
					continue // no IPv6 here
				}
				closeAll(out)
				if platform.AddrInUse(err) {
					return nil, fault.New(fault.Conflict, "port %d is taken by another program", p).Try("--listen :PORT with another PORT").Because("port")
				}
				return nil, fault.New(fault.Invalid, "listen on port %d: %w", p, err)
			}
			out = append(out, l)
		}
	}
	return out, nil
}
