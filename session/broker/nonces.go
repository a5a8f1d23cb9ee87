package broker

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"warren/mesh/identity"
)

// A nonce counts once and for a minute of the device's monotonic clock, so
// that a technician whose clock is wrong, or a device that needs its clock
// repaired, is not locked out.
const (
	nonceLife = time.Minute
	maxNonces = 64
)

var errNonce = errors.New("nonce is unknown, used or too old")

// nonces are the outstanding ones. Where there are too many, the node that
// holds most loses its oldest: no node can starve another.
type nonces struct {
	mu     sync.Mutex
	issued []nonce // oldest first
}

type nonce struct {
	value      [nonceSize]byte
	from       identity.NodeID
	technician [32]byte
	at         time.Time
}

// issue makes a nonce for the technician's key, asked for by node from.
func (n *nonces) issue(from identity.NodeID, technician [32]byte, now time.Time) [nonceSize]byte {
	fresh := nonce{from: from, technician: technician, at: now}
	rand.Read(fresh.value[:])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expire(now)
	if len(n.issued) >= maxNonces {
		n.drop(n.greediest(from))
	}
	n.issued = append(n.issued, fresh)
	return fresh.value
}

// take uses a nonce up.
func (n *nonces) take(value [nonceSize]byte, from identity.NodeID, technician [32]byte, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expire(now)
	for i, have := range n.issued {
		if have.value == value && have.from == from && have.technician == technician {
			n.drop(i)
			return nil
		}
	}
	return errNonce
}

func (n *nonces) expire(now time.Time) {
	live := n.issued[:0]
	for _, have := range n.issued {
		if now.Sub(have.at) < nonceLife { // below 0 where another call read the clock before us
			live = append(live, have)
		}
	}
	n.issued = live
}

// greediest finds the oldest nonce of the node that would hold most.
func (n *nonces) greediest(asking identity.NodeID) int {
	held := map[identity.NodeID]int{asking: 1}
	for _, have := range n.issued {
		held[have.from]++
	}
	best := 0
	for i, have := range n.issued {
		if held[have.from] > held[n.issued[best].from] {
			best = i
		}
	}
	return best
}

func (n *nonces) drop(i int) { n.issued = append(n.issued[:i], n.issued[i+1:]...) }

// Offers that do not stand up are counted by the node they come from, which
// the overlay has verified: an offer must name that node, so this is a count
// per technician and device, and nobody can lock out another.
const (
	maxFailures   = 10
	failureWindow = time.Minute
	maxFailing    = 1024
)

type failures struct {
	mu     sync.Mutex
	byNode map[identity.NodeID][]time.Time // oldest first, at most maxFailures
}

// blocked tells that from has used up its failures.
func (f *failures) blocked(from identity.NodeID, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(recent(f.byNode[from], now)) >= maxFailures
}

// add counts one more.
func (f *failures) add(from identity.NodeID, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byNode == nil {
		f.byNode = map[identity.NodeID][]time.Time{}
	}
	if _, known := f.byNode[from]; !known && len(f.byNode) >= maxFailing {
		f.shrink(now)
	}
	times := append(recent(f.byNode[from], now), now)
	f.byNode[from] = times[max(0, len(times)-maxFailures):]
}

// shrink makes room: what is over goes, else any one.
func (f *failures) shrink(now time.Time) {
	for id, times := range f.byNode {
		if len(recent(times, now)) == 0 {
			delete(f.byNode, id)
		}
	}
	for id := range f.byNode {
		if len(f.byNode) < maxFailing {
			break
		}
		delete(f.byNode, id)
	}
}

func recent(times []time.Time, now time.Time) []time.Time {
	for len(times) > 0 {
		if now.Sub(times[0]) < failureWindow {
			break
		}
		times = times[1:]
	}
	return times
}
