package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"warren/node/api"
	"warren/node/fault"
	"warren/node/platform"
	"warren/node/port"
)

const (
	// Rates of requests, a second and at once: of those with a bearer, and of
	// each local user's without, pages and scripts aside.
	knownRate, knownBurst   = 100, 300
	othersRate, othersBurst = 10, 40
)

// Config of a Server.
type Config struct {
	// Address is "HOST:PORT" as up takes it; of the host only that it is this
	// machine matters. Empty is platform.DefaultConsole.
	Address string
	// Key checks bearers, 32 bytes.
	Key []byte
	// Local is the local API.
	Local *api.Local
	// Pages are the built pages; one without index.html says that there are
	// none.
	Pages fs.FS
	// Manual answers what is below /docs/.
	Manual http.Handler
	Log    *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Server is the console of one node. It serves nothing until Listen.
type Server struct {
	cfg       Config
	port      int
	keys      *keyring
	hosts     []string // what browsers may call this machine
	pages     map[string]page
	importMap string          // what the policy says of it
	calls     map[string]bool // procedures of a member
	api       http.Handler
	begins    map[string]bool // procedures of a machine in no mesh
	begin     http.Handler
	known     *rate.Limiter
	others    *paces

	terminals atomic.Int32   // how many are open
	desktops  atomic.Int32   // likewise
	open      sync.WaitGroup // their handlers, which the HTTP servers do not wait for

	mu        sync.Mutex
	listeners []net.Listener
	why       error         // Listen failed
	listening chan struct{} // closed when there are listeners
}

// New checks cfg and lists the pages.
func New(cfg Config) (*Server, error) {
	if cfg.Address == "" {
		cfg.Address = platform.DefaultConsole
	}
	_, text, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--console: %w", err)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, fault.New(fault.Invalid, "--console: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{
		cfg: cfg, port: int(n), keys: newKeyring(cfg.Key, cfg.Now), listening: make(chan struct{}),
		hosts: []string{"localhost:" + text, "127.0.0.1:" + text, "[::1]:" + text},
		known: rate.NewLimiter(knownRate, knownBurst), others: &paces{limit: othersRate, of: map[int]*rate.Limiter{}},
		calls: map[string]bool{}, begins: map[string]bool{}, api: cfg.Local.Services(),
	}
	if s.pages, err = listPages(cfg.Pages); err != nil {
		return nil, err
	}
	if s.importMap, err = mapPolicy(cfg.Pages); err != nil {
		return nil, err
	}
	for _, p := range cfg.Local.Procedures() {
		s.calls[p] = true
	}
	begins, begin := cfg.Local.Beginning()
	s.begin = begin
	for _, p := range begins {
		s.begins[p] = true
	}
	return s, nil
}

// Listen takes the port on both addresses, or on none. A taken port is a
// conflict. Once it listens, it does nothing.
func (s *Server) Listen(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners != nil {
		return nil
	}
	listeners, err := listen(ctx, s.port)
	s.why = err
	if err != nil {
		return err
	}
	s.listeners = listeners
	close(s.listening)
	return nil
}

func listen(ctx context.Context, at int) ([]net.Listener, error) {
	var lc net.ListenConfig
	var out []net.Listener
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(at)))
		if err == nil {
			out = append(out, l)
			continue
		}
		if host == "::1" && !platform.AddrInUse(err) && !errors.Is(err, fs.ErrPermission) {
			continue // no IPv6 here
		}
		for _, l := range out {
			_ = l.Close()
		}
		if platform.AddrInUse(err) {
			return nil, fault.New(fault.Conflict, "the console's port %d is taken by another program", at).
				Try("--console localhost:PORT with another PORT").Because("port")
		}
		return nil, fault.New(fault.Invalid, "--console: %w", err)
	}
	return out, nil
}

// Run serves from when Listen has succeeded until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	select {
	case <-s.listening:
	case <-ctx.Done():
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	places := &places{knows: s.cfg.Local.Knows, of: map[int]int{}}
	for _, l := range s.listeners {
		server := &http.Server{
			Handler: s, ConnContext: withOwner, BaseContext: func(net.Listener) context.Context { return ctx },
			ReadHeaderTimeout: headerTime, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
			ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		}
		g.Go(func() error { return port.Serve(ctx, server, &bounded{l, places}) })
	}
	err := g.Wait()
	s.open.Wait()
	return err
}

// Enter implements api.Console.
func (s *Server) Enter(uid int) (url string, expires time.Time, err error) {
	s.mu.Lock()
	serves, why := s.listeners != nil, s.why
	s.mu.Unlock()
	switch {
	case why != nil:
		return "", expires, why
	case !serves:
		return "", expires, fault.New(fault.Unavailable, "this node serves no console: no technician joined from here").Try("warren up --console localhost:%d", s.port)
	}
	token, expires, err := s.keys.ticket(uid)
	if err != nil {
		return "", expires, err
	}
	return fmt.Sprintf("http://localhost:%d/#t=%s", s.port, token), expires, nil
}

// Warnings implements api.Console.
func (s *Server) Warnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == nil {
		return nil
	}
	return []string{s.why.Error() + ", so there is none; warren up --console localhost:PORT takes another"}
}
