package lan

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What is read: of one machine, and of all.
const (
	perSource, perSourceBurst = 20, 40
	inAll, inAllBurst         = 500, 1000
	maxSources                = 1024
)

// meter counts datagrams by their sources.
type meter struct {
	mu      sync.Mutex
	all     *rate.Limiter
	sources map[netip.Addr]*rate.Limiter
}

func newMeter() *meter {
	return &meter{all: rate.NewLimiter(inAll, inAllBurst), sources: map[netip.Addr]*rate.Limiter{}}
}

func (m *meter) allow(from netip.Addr, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.sources[from]
	if l == nil {
		if len(m.sources) >= maxSources {
			clear(m.sources)
		}
		l = rate.NewLimiter(perSource, perSourceBurst)
		m.sources[from] = l
	}
	return l.AllowN(now, 1) && m.all.AllowN(now, 1)
}
