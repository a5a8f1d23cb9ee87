package node

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"warren/node/platform"
)

const (
	// lookUpAgain is how often names of --public are looked up: behind one a
	// branch's address may change every night.
	lookUpAgain = 5 * time.Minute
	// lookUpSoon is when, after no answer; lookUpWait is how long one may take.
	lookUpSoon = 15 * time.Second
	lookUpWait = 5 * time.Second
)

// public are the addresses of --public, the names among them looked up. A node
// starts without: nothing waits for DNS.
type public struct {
	given  []string
	ports  []uint16 // of UDP, beside each one's own
	lookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)
	log    *slog.Logger
	found  atomic.Pointer[[]netip.AddrPort]
}

func newPublic(up platform.Config, log *slog.Logger) *public {
	p := &public{given: up.Public, lookUp: net.DefaultResolver.LookupNetIP, log: log.With("part", "public")}
	if up.Loopback {
		p.given = nil // of no use there, and nobody beyond is asked
	}
	listen := up.Listen
	if listen == "" {
		listen = platform.DefaultListen
	}
	if _, text, err := net.SplitHostPort(listen); err == nil {
		if port, err := strconv.ParseUint(text, 10, 16); err == nil {
			p.ports = []uint16{uint16(port)}
		}
	}
	p.take(p.addresses())
	return p
}

// endpoints are those known just now.
func (p *public) endpoints() []netip.AddrPort { return *p.found.Load() }

// take reports whether found is news.
func (p *public) take(found []netip.AddrPort) bool {
	was := p.found.Swap(&found)
	return was == nil || !slices.Equal(*was, found)
}

// addresses are those that need no name service.
func (p *public) addresses() []netip.AddrPort {
	out := []netip.AddrPort{}
	for _, given := range p.given {
		if a, err := netip.ParseAddrPort(given); err == nil {
			out = p.add(out, a.Addr(), given)
		}
	}
	return out
}

// add appends an address with the port given and with the listen port: TCP 443
// may lead here while UDP comes on its own.
func (p *public) add(out []netip.AddrPort, a netip.Addr, given string) []netip.AddrPort {
	ports := slices.Clone(p.ports)
	if _, text, err := net.SplitHostPort(given); err == nil {
		if port, err := strconv.ParseUint(text, 10, 16); err == nil {
			ports = append([]uint16{uint16(port)}, ports...)
		}
	}
	for _, port := range ports {
		if at := netip.AddrPortFrom(a.Unmap(), port); !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

// run looks names up until ctx ends, and calls changed when addresses are
// others than before.
func (p *public) run(ctx context.Context, changed func()) error {
	if len(publicNames(p.given)) == 0 {
		return nil
	}
	for {
		wait := lookUpAgain
		found, ok := p.look(ctx)
		if !ok {
			wait = lookUpSoon
		} else if p.take(found) {
			changed()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(jitter(wait)):
		}
	}
}

// look asks for all names; what it knew of one that gets no answer is kept by
// its caller.
func (p *public) look(ctx context.Context) (found []netip.AddrPort, ok bool) {
	found, ok = p.addresses(), true
	for _, given := range p.given {
		host, _, err := net.SplitHostPort(given)
		if err != nil {
			continue
		}
		if _, err := netip.ParseAddr(host); err == nil {
			continue
		}
		ask, cancel := context.WithTimeout(ctx, lookUpWait)
		addrs, err := p.lookUp(ask, "ip", strings.TrimSuffix(host, "."))
		cancel()
		if err != nil {
			p.log.Info("public name was not found", "err", err)
			ok = false
			continue
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		for _, a := range addrs[:min(len(addrs), 4)] {
			found = p.add(found, a, given)
		}
	}
	return found, ok
}
