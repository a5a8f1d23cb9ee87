package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"warren/scripts/soak/faulttest"
)

// ledger is what was acknowledged, for whoever reads meanwhile.
type ledger struct {
	mu    sync.Mutex
	acked []uint64
	last  time.Time
}

func (l *ledger) add(n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked, l.last = append(l.acked, n), time.Now()
}

func (l *ledger) all() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acked)
}

func (l *ledger) since(at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last.After(at)
}

// underFaults writes and reads while faults are made, heals, and checks that
// no acknowledged write was lost or missing from a later read.
func (c *cluster) underFaults(t *testing.T, run *faulttest.Run, faults func(*ledger)) {
	t.Helper()
	var l ledger
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	reads := 0
	working.Go(func() { // reads
		for r := run.Rand(2); ctx.Err() == nil; {
			before := l.all()
			s := c.stores[r.IntN(len(c.stores))]
			ask, done := context.WithTimeout(ctx, 300*time.Millisecond)
			err := s.Verify(ask)
			done()
			if err != nil {
				time.Sleep(5 * time.Millisecond)
				continue
			}
			reads++
			log := s.State().Log()
			for _, n := range before {
				if !revoked(log, n) {
					t.Errorf("%d was acknowledged before a read that does not know it", n)
					return
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	working.Go(func() {
		defer cancel()
		faults(&l)
	})
	// Writes, each asked once: what is not acknowledged may be done or not.
	asked := 0
	for r, n := run.Rand(3), uint64(0); ctx.Err() == nil; n++ {
		s := c.stores[r.IntN(len(c.stores))]
		if id, ok := s.Leader(); !ok || id != s.cfg.Self {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		asked++
		ask, done := context.WithTimeout(ctx, 500*time.Millisecond)
		_, err := s.Propose(ask, revocation(t, c.Mesh, c.Log(), n))
		done()
		if err == nil {
			l.add(n)
		}
		time.Sleep(5 * time.Millisecond)
	}
	working.Wait()

	for _, from := range c.stores {
		for _, to := range c.stores {
			c.net.Mute(from.cfg.Self, to.cfg.Self, false)
		}
	}
	healed := time.Now()
	acked := l.all()
	c.propose(t, 1<<40)
	c.await(t, nil, func(*running) bool { return revoked(c.stores[0].State().Log(), 1<<40) && c.equal(t) })
	run.Figure("equal_ms_after_healing", time.Since(healed).Milliseconds())
	for _, n := range acked {
		if !revoked(c.stores[0].State().Log(), n) {
			t.Errorf("%d was acknowledged and is lost", n)
		}
	}
	run.Figure("writes_asked", asked)
	run.Figure("writes_acknowledged", len(acked))
	run.Figure("reads_served", reads)
	if len(acked) == 0 || reads == 0 {
		t.Error("nothing was written, or nothing read")
	}
}

// TestFaultR04OneWay cuts one way of links: a machine is heard and does not
// hear, or hears and is not heard, by one other or by both. The two others can
// decide, so writes go on.
func TestFaultR04OneWay(t *testing.T) {
	run := faulttest.Begin(t, "R-04-one-way")
	c := three(t)
	r := run.Rand(1)
	var resumed []int64
	c.underFaults(t, run, func(l *ledger) {
		for range run.Pick(4, 60) {
			one := c.stores[r.IntN(len(c.stores))]
			if r.IntN(2) == 0 { // the one that matters most
				for _, s := range c.stores {
					if id, ok := s.Leader(); ok && id == s.cfg.Self {
						one = s
					}
				}
			}
			others := c.others(one)
			if r.IntN(2) == 0 {
				others = others[:1]
			}
			heard := r.IntN(2) == 0
			mute := func(on bool) {
				for _, o := range others {
					from, to := one.cfg.Self, o.cfg.Self
					if heard {
						from, to = to, from
					}
					c.net.Mute(from, to, on)
				}
			}
			mute(true)
			cut := time.Now()
			// Not what was under way at that moment.
			settled := cut.Add(3 * lease)
			for !l.since(settled) {
				if time.Since(cut) > time.Minute { // others share the machine
					t.Errorf("no write was taken for a minute, although two hear each other; %s to %v, it is heard: %v; %s",
						one.cfg.Self.Short(), len(others), heard, c.leaders())
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			resumed = append(resumed, time.Since(cut).Milliseconds())
			mute(false)
			time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
		}
	})
	run.Figure("write_ms_after_cut", resumed)
}

// leaders is who leads, as each sees it.
func (c *cluster) leaders() string {
	var b strings.Builder
	for _, s := range c.stores {
		leader, known := s.Leader()
		fmt.Fprintf(&b, "%s (%s): %s, %v; ", s.cfg.Self.Short(), s.raft.State(), leader.Short(), known)
	}
	return b.String()
}

// TestFaultR04Flapping has links that come and go, each by itself, one way or
// both, every 0.2 to 2 s.
func TestFaultR04Flapping(t *testing.T) {
	run := faulttest.Begin(t, "R-04-flapping")
	c := three(t)
	last := time.Duration(run.Pick(6, 180)) * time.Second
	var changes int
	var mu sync.Mutex
	c.underFaults(t, run, func(*ledger) {
		end := time.Now().Add(last)
		var links sync.WaitGroup
		for i, a := range c.stores {
			for j, b := range c.stores[:i] {
				links.Go(func() {
					r := run.Rand(uint64(10 + 3*i + j)) //nolint:gosec // small
					for time.Now().Before(end) {
						ways := 1 + r.IntN(3)
						time.Sleep(flap(r))
						c.net.Mute(a.cfg.Self, b.cfg.Self, ways&1 != 0)
						c.net.Mute(b.cfg.Self, a.cfg.Self, ways&2 != 0)
						time.Sleep(flap(r))
						c.net.Mute(a.cfg.Self, b.cfg.Self, false)
						c.net.Mute(b.cfg.Self, a.cfg.Self, false)
						mu.Lock()
						changes += 2
						mu.Unlock()
					}
				})
			}
		}
		links.Wait()
	})
	run.Figure("changes_of_links", changes)
}

// flap is how long a link stays as it is.
func flap(r *rand.Rand) time.Duration {
	return time.Duration(200+r.IntN(1800)) * time.Millisecond
}
