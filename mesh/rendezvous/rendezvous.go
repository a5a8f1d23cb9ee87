package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"tailscale.com/types/logger"

	"warren/mesh"
)

// ErrPortTaken says that a UDP port belongs to another program.
var ErrPortTaken = errors.New("port is taken")

// Config of a Server.
type Config struct {
	// Port is the node's listen port; the three above it are used.
	Port uint16
	// Host is the address to listen on; invalid is all. The relay listens on
	// all in any case: the library has no other way.
	Host netip.Addr
	// Loopback keeps everything on this machine.
	Loopback bool
	// Self is this machine's own WireGuard key: it is its own first client.
	// Disco is its disco key.
	Self, Disco [32]byte
	// Addresses are where the relay can be reached, asked at each allocation.
	Addresses func() []netip.Addr
	// Pages answers what is no path of DERP; nil answers with 404.
	Pages http.Handler
	// Log is where the server speaks; nil is silence.
	Log *slog.Logger
}

// Server is the rendezvous of this machine.
type Server struct {
	cfg     Config
	members atomic.Pointer[members]
	stun    []*stunServer
	derp    *derpServer
	relay   *relay
}

// New takes the UDP ports. Whoever does not get to Run calls Close.
func New(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg}
	s.Apply(mesh.Config{})
	for _, port := range cfg.STUN() {
		for _, host := range cfg.hosts() {
			st, err := listenSTUN(netip.AddrPortFrom(host, port))
			if err != nil {
				s.Close()
				return nil, err
			}
			s.stun = append(s.stun, st)
		}
	}
	var err error
	if s.relay, err = openRelay(cfg); err != nil {
		s.Close()
		return nil, err
	}
	s.derp = newDERP(s.member, cfg.Pages, cfg.Log)
	return s, nil
}

// STUN are the ports that answer STUN.
func (c Config) STUN() []uint16 { return []uint16{c.Port + 1, c.Port + 2} }

// Relay is the port of the packet relay.
func (c Config) Relay() uint16 { return c.Port + 3 }

func (c Config) hosts() []netip.Addr {
	switch {
	case c.Loopback:
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	case c.Host.IsValid():
		return []netip.Addr{c.Host}
	}
	return []netip.Addr{netip.IPv6Unspecified()} // IPv4 too
}

// members are those who may come in: the disco key of each WireGuard key.
type members struct {
	discos map[[32]byte][32]byte
	known  map[[32]byte]struct{}
}

// disco reports whether a member has that disco key.
func (m *members) disco(key [32]byte) bool {
	_, ok := m.known[key]
	return ok
}

// Apply makes the peers of cfg, and this machine, those who may come in, and
// throws out who is inside and no longer among them.
func (s *Server) Apply(cfg mesh.Config) {
	m := &members{make(map[[32]byte][32]byte, len(cfg.Peers)+1), make(map[[32]byte]struct{}, len(cfg.Peers)+1)}
	add := func(wireGuard, disco [32]byte) {
		m.discos[wireGuard] = disco
		m.known[disco] = struct{}{}
	}
	add(s.cfg.Self, s.cfg.Disco)
	for _, p := range cfg.Peers {
		add(p.WireGuard, p.Disco)
	}
	s.members.Store(m)
	if s.derp != nil {
		s.derp.throwOut()
	}
}

func (s *Server) member(key [32]byte) bool {
	_, ok := s.members.Load().discos[key]
	return ok
}

// Run serves until ctx ends. Doors gives connections whose TLS is done; who
// dials them has proven nothing.
func (s *Server) Run(ctx context.Context, doors net.Listener) error {
	defer s.Close()
	g, ctx := errgroup.WithContext(ctx)
	for _, st := range s.stun {
		g.Go(func() error { return st.run(ctx) })
	}
	g.Go(func() error { return s.serve(ctx, doors) })
	return g.Wait()
}

func (s *Server) serve(ctx context.Context, doors net.Listener) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // DERP takes the connection over
	srv := &http.Server{
		Handler: s.derp, Protocols: protocols, MaxHeaderBytes: 4 << 10,
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 10 * time.Second,
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	if err := srv.Serve(doors); ctx.Err() == nil {
		return fmt.Errorf("serve derp: %w", err)
	}
	return nil
}

// Close ends a server that does not Run. It may be called twice.
func (s *Server) Close() {
	for _, st := range s.stun {
		_ = st.conn.Close()
	}
	if s.derp != nil {
		s.derp.close()
	}
	if s.relay != nil {
		s.relay.close()
	}
}

func libraryLog(log *slog.Logger) logger.Logf {
	return func(format string, args ...any) {
		if ctx := context.Background(); log.Enabled(ctx, slog.LevelDebug) {
			log.DebugContext(ctx, "library spoke", "text", fmt.Sprintf(format, args...))
		}
	}
}
