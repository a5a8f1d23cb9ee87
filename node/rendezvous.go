package node

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"warren/mesh/identity"
	"warren/mesh/rendezvous"
	"warren/node/fault"
	"warren/node/plan"
	"warren/node/port"
)

// openRendezvous takes the ports of a rendezvous where this machine's record
// lets it be one and others can reach it, and gives the certificates of its
// doors: for machines, and on a controller for browsers. They are nil
// elsewhere. A record with another role counts from the next start.
func (l *life) openRendezvous() (anyone, browsers *tls.Certificate, err error) {
	if len(l.cfg.Up.Public) == 0 && !l.cfg.Up.Loopback {
		return nil, nil, nil
	}
	log := l.view.Now().Log
	if log == nil {
		return nil, nil, nil
	}
	if d, ok := log.Device(l.key.ID()); !ok || !plan.MayServe(d.Roles) {
		return nil, nil, nil
	}
	cert, err := identity.Certificate(l.key, publicNames(l.cfg.Up.Public)...)
	if err != nil {
		return nil, nil, err
	}
	host, _ := netip.AddrFromSlice(l.listen.IP)
	cfg := rendezvous.Config{
		Port: l.engine.Port(), Host: host.Unmap(), Loopback: l.cfg.Up.Loopback,
		Self: l.engine.WireGuardPublic(), Disco: l.engine.DiscoPublic(), Addresses: l.reachableAt, Log: l.log.With("part", "rendezvous"),
	}
	if log.IsController(l.key.ID()) {
		if cfg.Pages, browsers, err = l.landing(); err != nil {
			return nil, nil, err
		}
	}
	l.rendezvous, err = rendezvous.New(cfg)
	if errors.Is(err, rendezvous.ErrPortTaken) {
		return nil, nil, fault.New(fault.Conflict, "a rendezvous needs the three UDP ports above %d: %w", cfg.Port, err).
			Try("--listen :PORT with another PORT").Because("port")
	}
	if err != nil {
		return nil, nil, err
	}
	l.services = &identity.Rendezvous{
		Certificate: sha256.Sum256(cert.Certificate[0]), STUN: cfg.STUN(), Relay: cfg.Relay(),
	}
	if p := l.cfg.Up.ListenTLS; p != 0 {
		l.services.TLS = append(l.services.TLS, uint16(p)) //nolint:gosec // checked by Check
	}
	if l.cfg.Up.Loopback {
		l.services.TLS = []uint16{cfg.Port}
	}
	return &cert, browsers, nil
}

// publicNames are the hosts that are no addresses: a client that dials by name
// compares it with the certificate's.
func publicNames(public []string) []string {
	var out []string
	for _, p := range public {
		host, _, err := net.SplitHostPort(p)
		if err != nil {
			continue
		}
		if _, err := netip.ParseAddr(host); err != nil && !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	return out
}

// reachableAt are the addresses of this machine's packet relay.
func (l *life) reachableAt() []netip.Addr {
	var out []netip.Addr
	endpoints, _ := l.engine.Endpoints()
	for _, ep := range endpoints {
		if !slices.Contains(out, ep.Addr()) {
			out = append(out, ep.Addr())
		}
	}
	return out
}

// serveRendezvous runs it.
func (l *life) serveRendezvous(ctx context.Context, g *errgroup.Group) {
	if l.rendezvous == nil {
		return
	}
	g.Go(func() error { return l.rendezvous.Run(ctx, l.port.Protocol(port.Anyone)) })
	g.Go(func() error { return l.engine.ServeRelay(ctx, l.rendezvous.Allocate) })
}

// closeRendezvous gives its ports back where it did not get to run.
func (l *life) closeRendezvous() {
	if l.rendezvous != nil {
		l.rendezvous.Close()
	}
}

// where is what this machine states of its place, and whether that is news.
func (l *life) where(addresses []netip.AddrPort) (identity.Endpoints, bool) {
	held, ok := l.view.Facts().Endpoints(l.key.ID())
	now := time.Now()
	e := identity.Endpoints{
		Addresses: addresses, Public: l.cfg.Up.Public, Rendezvous: l.services, Home: l.engine.Home(),
		Counter: max(held.Counter+1, uint64(now.UnixMilli())), Time: now, //nolint:gosec // after 1970
	}
	same := ok && slices.Equal(held.Addresses, e.Addresses) && slices.Equal(held.Public, e.Public) &&
		held.Rendezvous.Equal(e.Rendezvous) && held.Home == e.Home
	return e, !same
}
