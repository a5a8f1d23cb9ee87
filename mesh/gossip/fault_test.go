package gossip

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"warren/mesh/identity"
	"warren/scripts/soak/faulttest"
)

// TestFaultR06: with every controller dead, what technicians revoke reaches all
// machines within 10 s, where devices meet technicians and controllers only.
// The fleet runs in virtual time, each packet 10 to 30 ms on its way, 2 % lost.
func TestFaultR06(t *testing.T) {
	unlessRaced(t, 100)
	fault := faulttest.Begin(t, "R-06 by gossip alone")
	n, many := fault.Pick(100, 300), fault.Pick(20, 200)
	const controllers, technicians = 3, 4
	chance := fault.Rand(0)
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, n, chance.Uint64())
		defer f.stopAll()
		f.meets = func(a, b int) bool { return min(a, b) < controllers+technicians }
		f.net.loss = 0.02
		f.startAll()
		peers := func(m *machine) int {
			if m.n < controllers+technicians {
				return n - 1
			}
			return controllers + technicians
		}
		f.until(3*time.Minute, "join", func() bool {
			return f.all(func(m *machine) bool { return m.online() >= peers(m)*9/10 })
		})
		for i := range controllers {
			f.machines[i].crash()
		}
		var took []time.Duration
		for i := range many {
			time.Sleep(time.Duration(chance.Int64N(int64(2 * time.Second))))
			r := f.revocationOf(testKey(99, uint64(i)).ID())
			began := time.Now()
			f.machines[controllers+chance.IntN(technicians)].say(r)
			f.until(30*time.Second, "a revocation", func() bool {
				return f.all(func(m *machine) bool { return m.has(r) })
			})
			for _, m := range f.machines[controllers:] {
				m.mu.Lock()
				took = append(took, m.learnt[identity.HashOf(r)].Sub(began))
				m.mu.Unlock()
			}
		}
		slices.Sort(took)
		p99, worst := took[len(took)*99/100], took[len(took)-1]
		fault.Figure("machines", n)
		fault.Figure("revocations", many)
		fault.Figure("p50_ms", took[len(took)/2].Milliseconds())
		fault.Figure("p99_ms", p99.Milliseconds())
		fault.Figure("worst_ms", worst.Milliseconds())
		if p99 > 10*time.Second {
			t.Errorf("99 of 100 had it after %s", p99)
		}
	})
}
