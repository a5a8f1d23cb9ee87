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
	// maxPairs bounds how many pairs the relay serves at a time, maxPairsEach
	// those one member asked for: it may meet a pool of a hundred through this
	// relay, and sixteen such members fill it.
	maxPairs     = 2048
	maxPairsEach = 128
	// asks and asksBurst bound how often one member may ask for a pair, in a
	// second: a technician may open many machines at once.
	asks      = 2
	asksBurst = 64
	// maxAskers bounds the members whose asking is counted.
	maxAskers = 8192
)

var (
	// errBusy is the answer to who asks too much.
	errBusy = errors.New("the packet relay is busy")
	// errNotTheirs is the answer to who asks for others.
	errNotTheirs = errors.New("a way is for a member that asks, and another member")
)

// relay forwards UDP between the two ends of a pair.
type relay struct {
	cfg    Config
	server *udprelay.Server

	mu     sync.Mutex // guards the following
	askers map[[32]byte]*rate.Limiter
	pairs  map[key.SortedPairOfDiscoPublic]held
}

// held is a pair that the library serves, and who asked for it.
type held struct {
	vni uint32
	by  [32]byte
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
	r := &relay{cfg: cfg, server: server, askers: map[[32]byte]*rate.Limiter{}, pairs: map[key.SortedPairOfDiscoPublic]held{}}
	if cfg.Loopback {
		if err := loopback.Pin(cfg.Relay()); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *relay) close() { _ = r.server.Close() }

// Allocate makes a way through the relay for two members, named by their disco
// keys. One of them, with the WireGuard key from, asked for it.
func (s *Server) Allocate(from [32]byte, a, b key.DiscoPublic) (endpoint.ServerEndpoint, error) {
	m := s.members.Load()
	one, other := a.Raw32(), b.Raw32() //nolint:staticcheck // nor another way out
	if m.discos[from] != one {
		one, other = other, one
	}
	if own, ok := m.discos[from]; !ok || own != one || one == other || !m.disco(other) {
		return endpoint.ServerEndpoint{}, errNotTheirs
	}
	return s.relay.allocate(from, a, b)
}

func (r *relay) allocate(from [32]byte, a, b key.DiscoPublic) (endpoint.ServerEndpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pair := key.NewSortedPairOfDiscoPublic(a, b)
	if !r.mayAsk(from) || !r.mayHold(from, pair) {
		return endpoint.ServerEndpoint{}, errBusy
	}
	var at []netip.AddrPort
	for _, addr := range r.addresses() {
		at = append(at, netip.AddrPortFrom(addr, r.cfg.Relay()))
	}
	r.server.SetStaticAddrPorts(views.SliceOf(at))
	way, err := r.server.AllocateEndpoint(a, b)
	if _, again := r.pairs[pair]; err == nil && !again {
		r.pairs[pair] = held{way.VNI, from}
	}
	return way, err
}

// mayHold forgets the pairs that the library has let go, and tells whether
// there is a place for one more, or this one is there already.
func (r *relay) mayHold(from [32]byte, pair key.SortedPairOfDiscoPublic) bool {
	live := make(map[uint32]bool, len(r.pairs))
	for _, session := range r.server.GetSessions() {
		live[session.VNI] = true
	}
	theirs := 0
	for p, h := range r.pairs {
		switch {
		case !live[h.vni]:
			delete(r.pairs, p)
		case h.by == from:
			theirs++
		}
	}
	_, again := r.pairs[pair]
	return again || (theirs < maxPairsEach && len(r.pairs) < maxPairs)
}

func (r *relay) addresses() []netip.Addr {
	if r.cfg.Loopback || r.cfg.Addresses == nil {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return r.cfg.Addresses()
}

func (r *relay) mayAsk(from [32]byte) bool {
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
