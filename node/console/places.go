package console

import (
	"net"
	"sync"

	"golang.org/x/time/rate"
)

// How many connections are open at a time: of local users whom the node
// answers to and of whoever has shown a bearer, of all others together, and of
// one of those. Where the system does not tell whose a connection is, all are
// of the first kind.
const (
	maxKnown  = 192
	maxGuests = 64
	maxGuest  = 16
)

// places counts the connections of both addresses.
type places struct {
	knows func(uid int) bool

	mu     sync.Mutex
	known  int
	guests int
	of     map[int]int // guests by local user
}

// place is one that a connection has taken.
type place struct {
	in    *places
	owner int
	guest bool // under in.mu
	gone  bool // under in.mu
}

// take gives a connection of owner a place, nil where there is none.
func (p *places) take(owner int) *place {
	guest := owner != noOwner && !p.knows(owner)
	p.mu.Lock()
	defer p.mu.Unlock()
	if guest && (p.guests >= maxGuests || p.of[owner] >= maxGuest) || !guest && p.known >= maxKnown {
		return nil
	}
	out := &place{in: p, owner: owner, guest: guest}
	p.count(out, 1)
	return out
}

func (p *places) count(at *place, by int) {
	if !at.guest {
		p.known += by
		return
	}
	p.guests += by
	if p.of[at.owner] += by; p.of[at.owner] == 0 {
		delete(p.of, at.owner)
	}
}

// vouch makes the connection a known one: it has shown a bearer.
func (a *place) vouch() {
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	if a.guest && !a.gone && a.in.known < maxKnown {
		a.in.count(a, -1)
		a.guest = false
		a.in.count(a, 1)
	}
}

// isGuest tells whether no bearer was shown yet.
func (a *place) isGuest() bool {
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	return a.guest
}

func (a *place) leave() {
	a.in.mu.Lock()
	defer a.in.mu.Unlock()
	if !a.gone {
		a.gone = true
		a.in.count(a, -1)
	}
}

// bounded is a listener whose connections take places.
type bounded struct {
	net.Listener
	places *places
}

// Accept implements net.Listener. Who comes when there is no place is turned
// away, so that idle connections keep nobody waiting in the system's queue.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if at := b.places.take(connOwner(c)); at != nil {
			return &placed{c, at}, nil
		}
		_ = c.Close()
	}
}

// placed is a connection that gives back its place.
type placed struct {
	net.Conn
	at *place
}

// Close implements net.Conn.
func (c *placed) Close() error {
	defer c.at.leave()
	return c.Conn.Close()
}

// paces are the rates of requests without a bearer, each local user's own: none
// can use up another's.
type paces struct {
	limit rate.Limit

	mu sync.Mutex
	of map[int]*rate.Limiter
}

// maxPaces bounds how many are remembered.
const maxPaces = 64

func (p *paces) allow(owner int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.of[owner]
	if l == nil {
		if len(p.of) >= maxPaces {
			clear(p.of)
		}
		l = rate.NewLimiter(p.limit, othersBurst)
		p.of[owner] = l
	}
	return l.Allow()
}
