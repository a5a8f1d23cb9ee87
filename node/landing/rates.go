package landing

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// Pages for one address: a person who reloads, an office behind one NAT.
	perMinute = 60
	atOnce    = 30
	// maxSources are told apart; then all begin anew.
	maxSources = 4096
	// wide6 is how much of an IPv6 address counts: behind it whoever has one
	// address has all.
	wide6 = 64
)

// rates count what each address asks for.
type rates struct {
	mu      sync.Mutex
	sources map[netip.Addr]*rate.Limiter
}

func (r *rates) allow(remote string) bool {
	at, _ := netip.ParseAddrPort(remote) // what is no address counts as one
	from := at.Addr().Unmap().WithZone("")
	if from.Is6() {
		p, _ := from.Prefix(wide6) // of an address there always is one
		from = p.Addr()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.sources[from]
	if l == nil {
		if r.sources == nil || len(r.sources) >= maxSources {
			r.sources = map[netip.Addr]*rate.Limiter{}
		}
		l = rate.NewLimiter(rate.Every(time.Minute/perMinute), atOnce)
		r.sources[from] = l
	}
	return l.Allow()
}
