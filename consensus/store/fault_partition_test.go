package store

import (
	"bytes"
	"testing"
	"time"

	"warren/scripts/soak/faulttest"
)

// TestFaultR04Partition cuts the leader off and joins it again, in turns. While
// it is alone it acknowledges nothing once its lease is over; the others go on;
// afterwards all hold the same.
func TestFaultR04Partition(t *testing.T) {
	run := faulttest.Begin(t, "R-04")
	c := three(t)
	var n uint64
	var healed []int64
	refused := 0
	for range run.Pick(2, 50) {
		c.propose(t, n)
		n++
		old := c.leader(t, c.stores...)
		c.net.Cut(old.cfg.Self, true)
		cut := time.Now()
		others := c.others(old)
		next := c.leader(t, others...)
		for time.Since(cut) < 2*lease {
			time.Sleep(10 * time.Millisecond)
		}
		for range 5 {
			if _, err := old.Propose(within(t, 50*time.Millisecond), revocation(t, c.Mesh, c.Log(), 1<<32|n)); err == nil {
				t.Fatal("a leader that is cut off acknowledged a command")
			}
			if err := old.Verify(within(t, 50*time.Millisecond)); err == nil {
				t.Fatal("a leader that is cut off served a read")
			}
			refused += 2
			n++
		}
		c.await(t, next, func(*running) bool {
			_, err := c.leader(t, others...).Propose(within(t, 5*time.Second), revocation(t, c.Mesh, c.Log(), n))
			return err == nil
		})
		c.net.Cut(old.cfg.Self, false)
		began := time.Now()
		c.await(t, old, func(*running) bool { return revoked(old.State().Log(), n) && c.equal(t) })
		healed = append(healed, time.Since(began).Milliseconds())
		n++
	}
	run.Figure("partitions", len(healed))
	run.Figure("refused_while_alone", refused)
	run.Figure("equal_ms_after_healing", healed)
	for _, ms := range healed {
		if ms > 10_000 && run.Long() {
			t.Errorf("all were equal %d ms after healing, want 10 s", ms)
		}
	}
}

// equal reports whether all hold the same state.
func (c *cluster) equal(t *testing.T) bool {
	t.Helper()
	first, err := c.stores[0].State().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.stores[1:] {
		raw, err := s.State().Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, raw) {
			return false
		}
	}
	return true
}
