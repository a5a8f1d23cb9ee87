package api

import (
	"sync"

	"golang.org/x/time/rate"

	"warren/mesh/identity"
	"warren/node/fault"
)

// What one member may ask of a controller: 20 calls a second (SECURITY.md
// D-42), with room for a script that approves a batch.
const (
	callsPerSecond = 20
	callsAtOnce    = 200
	maxRated       = 65536
)

// Rates count members' calls, and the streams they keep.
type Rates struct {
	perSecond rate.Limit
	atOnce    int

	mu      sync.Mutex
	members map[identity.NodeID]*rate.Limiter

	follows follows
}

// NewRates has counted nothing yet.
func NewRates() *Rates { return newRates(callsPerSecond, callsAtOnce) }

func newRates(perSecond rate.Limit, atOnce int) *Rates {
	return &Rates{perSecond: perSecond, atOnce: atOnce, members: map[identity.NodeID]*rate.Limiter{}}
}

// Allow counts a call of a member, or turns it away.
func (r *Rates) Allow(id identity.NodeID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.members[id]
	if l == nil {
		if len(r.members) >= maxRated {
			clear(r.members)
		}
		l = rate.NewLimiter(r.perSecond, r.atOnce)
		r.members[id] = l
	}
	if !l.Allow() {
		return fault.New(fault.Unavailable, "node %s asks too much at once", id.Short()).Try("again in a moment")
	}
	return nil
}
