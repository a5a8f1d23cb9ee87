package rendezvous

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/time/rate"
	"tailscale.com/net/udprelay"
	"tailscale.com/net/udprelay/endpoint"
	"tailscale.com/types/key"
	"tailscale.com/types/views"
	"tailscale.com/util/usermetric"

	"warren/mesh/internal/loopback"
)

const (
	// maxPairs bounds how many pairs the relay serves at a time.
	maxPairs = 2048
	// asks and asksBurst bound how often one member may ask for a pair, in a
	// second: a technician may open many machines at once.
	asks      = 2
	asksBurst = 64
	// maxAskers bounds the members whose asking is counted.
	maxAskers = 8192
)

// errBusy is the answer to who asks too much.
var errBusy = errors.New("the packet relay is busy")

// relay forwards UDP between the two ends of a pair.
type relay struct {
	cfg    Config
	server *udprelay.Server

	mu     sync.Mutex // guards the following
	askers map[[32]byte]*rate.Limiter
}

func openRelay(cfg Config) (*relay, error) {
	// The library shares its port with whoever else asks for it so.
	for _, network := range []string{"udp4", "udp6"} {
		c, err := net.ListenUDP(network, &net.UDPAddr{Port: int(cfg.Relay())})
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen on udp port %d: %w", cfg.Relay(), ErrPortTaken)
		}
		if err == nil {
			_ = c.Close()
		}
	}
	// It would look for its addresses by itself, by asking all rendezvous
	// every half minute; ours are known.
	const onlyOurs = true
	server, err := udprelay.NewServer(libraryLog(cfg.Log), cfg.Relay(), onlyOurs, new(usermetric.Registry), nil)
	if err != nil {
		return nil, fmt.Errorf("open packet relay: %w", err)
	}
	r := &relay{cfg: cfg, server: server, askers: map[[32]byte]*rate.Limiter{}}
	if cfg.Loopback {
		if err := loopback.Pin(cfg.Relay()); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *relay) close() { _ = r.server.Close() }

// Allocate makes a way through the relay for two machines, named by their
// disco keys. The member with the WireGuard key from asked for it.
func (s *Server) Allocate(from [32]byte, a, b key.DiscoPublic) (endpoint.ServerEndpoint, error) {
	return s.relay.allocate(from, a, b)
}

func (r *relay) allocate(from [32]byte, a, b key.DiscoPublic) (endpoint.ServerEndpoint, error) {
	if !r.mayAsk(from) || len(r.server.GetSessions()) >= maxPairs {
		return endpoint.ServerEndpoint{}, errBusy
	}
	var at []netip.AddrPort
	for _, addr := range r.addresses() {
		at = append(at, netip.AddrPortFrom(addr, r.cfg.Relay()))
	}
	r.server.SetStaticAddrPorts(views.SliceOf(at))
	return r.server.AllocateEndpoint(a, b)
}

func (r *relay) addresses() []netip.Addr {
	if r.cfg.Loopback || r.cfg.Addresses == nil {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return r.cfg.Addresses()
}

func (r *relay) mayAsk(from [32]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok := r.askers[from]
	if !ok {
		if len(r.askers) >= maxAskers {
			clear(r.askers)
		}
		l = rate.NewLimiter(asks, asksBurst)
		r.askers[from] = l
	}
	return l.Allow()
}
